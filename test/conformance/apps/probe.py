"""An app that makes every data-plane behaviour visible to the conformance suite."""

import asyncio
import json
import threading
import time
from pathlib import Path

import fal
from fal.exceptions import AppException, FieldException
from fal.toolkit import File, Image, download_file
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class Strict(BaseModel):
    prompt: str = Field(min_length=3)
    steps: int = Field(ge=1, le=50)


class Picture(BaseModel):
    image: Image


class Probe(fal.App, name="probe", keep_alive=300, max_multiplexing=16, max_concurrency=1):
    machine_type = "S"
    requirements = ["pillow==13.0.0", "fal-client==1.0.3", "python-multipart==0.0.34"]

    def setup(self):
        self.setups = getattr(self, "setups", 0) + 1
        self.calls = {}
        self.events = []
        path = Path("/data/conformance/setups")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as f:
            f.write("setup\n")

    def note(self, key):
        self.calls[key] = self.calls.get(key, 0) + 1

    @fal.endpoint("/")
    def echo(self, body: dict) -> dict:
        self.note(body.get("key"))
        return {"route": "/", "echo": body, "calls": self.calls.get(body.get("key"))}

    @fal.endpoint("/sub/path")
    def sub(self, body: dict) -> dict:
        return {"route": "/sub/path", "echo": body}

    @fal.endpoint("/calls")
    def count(self, body: dict) -> dict:
        return {"calls": self.calls.get(body["key"], 0), "setups": self.setups}

    @fal.endpoint("/logs")
    async def logs(self, body: dict) -> dict:
        for i in range(body.get("lines", 5)):
            print(f"line {i} of {body['key']}", flush=True)
            await asyncio.sleep(body.get("pause", 0.15))
        return {"ok": True}

    @fal.endpoint("/sleep")
    async def sleep(self, body: dict) -> dict:
        self.note(body.get("key"))
        await asyncio.sleep(body["seconds"])
        return {"slept": body["seconds"]}

    @fal.endpoint("/validate")
    def validate(self, body: Strict) -> dict:
        return {"ok": True}

    @fal.endpoint("/fail")
    def fail(self, body: dict) -> dict:
        self.note(body.get("key"))
        if body.get("field"):
            raise FieldException(body["field"], body.get("message", "bad"))
        raise AppException(message=body.get("message", "asked to fail"), status_code=body["status"])

    @fal.endpoint("/answer")
    def answer(self, body: dict) -> Response:
        self.note(body.get("key"))
        content = body.get("content", "{}")
        return Response(content, status_code=body["status"], headers=body.get("headers", {}))

    @fal.endpoint("/form")
    async def form(self, request: Request) -> Response:
        """Sends what it got back as it came, and what it read in it as a header."""
        body = await request.body()
        form = await request.form()
        read = {name: value if isinstance(value, str) else [value.filename, value.size] for name, value in form.items()}
        return Response(body, media_type=request.headers["content-type"], headers={"x-form": json.dumps(read)})

    @fal.endpoint("/binary")
    def binary(self, body: dict) -> Response:
        return Response(bytes(range(256)), media_type="application/octet-stream")

    @fal.endpoint("/text")
    def text(self, body: dict) -> Response:
        return Response("plain words", media_type="text/plain")

    @fal.endpoint("/big")
    def big(self, body: dict) -> dict:
        return {"text": "x" * body["bytes"]}

    @fal.endpoint("/headers")
    async def headers(self, request: Request) -> dict:
        context = self.current_request
        return {
            "headers": {k: v for k, v in request.headers.items()},
            "context": {
                "request_id": getattr(context, "request_id", None),
                "endpoint": getattr(context, "endpoint", None),
                "lifecycle": getattr(context, "lifecycle_preference", None),
            },
        }

    @fal.endpoint("/isolated")
    async def isolated(self, body: dict) -> dict:
        before = self.current_request.request_id
        await asyncio.sleep(body["seconds"])
        return {"before": before, "after": self.current_request.request_id}

    @fal.endpoint("/stream")
    async def stream(self, body: dict) -> StreamingResponse:
        self.note(body.get("key"))

        async def events():
            for i in range(body.get("events", 3)):
                yield f'data: {{"n": {i}, "at": {time.time()}}}\n\n'
                await asyncio.sleep(body.get("pause", 0.3))

        return StreamingResponse(events(), media_type="text/event-stream")

    @fal.endpoint("/make")
    def make(self, body: dict) -> dict:
        from PIL import Image as Pil

        picture = Image.from_pil(Pil.new("RGB", (8, 6), "red"), format="png")
        file = File.from_bytes(b"made in the app", content_type="text/plain", file_name="made.txt")
        path = Path("/tmp") / f"wt-conformance-{threading.get_ident()}.bin"
        path.write_bytes(bytes(range(256)) * 16)
        from_path = File.from_path(path)
        path.unlink()
        raw = Image.from_bytes(body["png"].encode("latin-1") if body.get("png") else _png(), format="png")
        return {"image": picture.url, "file": file.url, "path": from_path.url, "bytes": raw.url}

    @fal.endpoint("/read")
    def read(self, body: Picture) -> dict:
        pil = body.image.to_pil()
        saved = download_file(body.image.url, target_dir="/tmp")
        size = Path(saved).stat().st_size
        Path(saved).unlink()
        return {"size": list(pil.size), "bytes": size}

    @fal.endpoint("/guard")
    def guard(self, body: dict) -> dict:
        refused = {}
        for url in body["urls"]:
            try:
                download_file(url, target_dir="/tmp")
                refused[url] = None
            except Exception as error:  # the SDK wraps its own guard's error: the text is what counts
                refused[url] = f"{type(error).__name__}: {error} {error.__cause__}"
        return {"refused": refused}

    @fal.endpoint("/other")
    def other(self, body: dict) -> dict:
        import fal_client

        return {"answer": fal_client.subscribe(body["app"], arguments=body["arguments"])}

    @fal.endpoint("/cancellable")
    async def cancellable(self, request: Request) -> dict:
        body = await request.json()
        self.events.append(["start", body.get("key")])
        stop = asyncio.Event()
        self.__dict__.setdefault("stops", {})[request.headers["x-fal-request-id"]] = (stop, body.get("key"))
        try:
            await asyncio.wait_for(stop.wait(), body.get("seconds", 20))
        except asyncio.TimeoutError:
            return {"cancelled": False}
        raise fal.exceptions.RequestCancelledException("cancelled by the caller")

    @fal.endpoint("/cancellable/cancel")
    async def cancel(self, request: Request) -> dict:
        stop, key = self.__dict__.get("stops", {}).get(request.headers["x-fal-request-id"], (None, None))
        self.events.append(["cancel", key])
        if stop:
            stop.set()
        return {}

    @fal.endpoint("/events")
    def seen(self, body: dict) -> dict:
        return {"events": [e for e in self.events if e[1] == body["key"]]}

    @fal.endpoint("/kv")
    def kv(self, body: dict) -> dict:
        from fal.toolkit.kv import KVStore

        try:
            return {"answer": getattr(KVStore(body["db"]), body["op"])(*body["args"])}
        except Exception as error:  # the SDK's KVStoreException: the text is what counts
            return {"error": f"{type(error).__name__}: {error}"}

    @fal.endpoint("/data/write")
    def write(self, body: dict) -> dict:
        path = Path("/data/conformance") / body["name"]
        path.write_text(body["text"])
        return {"ok": True}

    @fal.endpoint("/setups")
    def all_setups(self, body: dict) -> dict:
        return {"here": self.setups, "ever": len(Path("/data/conformance/setups").read_text().splitlines())}


def _png() -> bytes:
    import io

    from PIL import Image as Pil

    out = io.BytesIO()
    Pil.new("RGB", (2, 2), "blue").save(out, "png")
    return out.getvalue()
