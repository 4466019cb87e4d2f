"""Everything that the soak's traffic does to an app. VERSION changes with each redeploy."""

import asyncio
import os
from pathlib import Path

import fal
from fastapi import Request, WebSocket
from fastapi.responses import StreamingResponse

VERSION = 0
CRASHED = Path("/data/soak")


class Mixed(fal.App, name="mixed", keep_alive=15, max_concurrency=2, max_multiplexing=4):
    machine_type = "S"
    termination_grace_period_seconds = 3

    def setup(self):
        self.stops = {}
        CRASHED.mkdir(parents=True, exist_ok=True)

    @fal.endpoint("/")
    async def echo(self, body: dict) -> dict:
        print("working on", body["key"], flush=True)
        await asyncio.sleep(body.get("seconds", 0.02))
        return {"key": body["key"], "version": VERSION}

    @fal.endpoint("/stream")
    async def stream(self, body: dict) -> StreamingResponse:
        async def events():
            for i in range(5):
                yield f'data: {{"n": {i}}}\n\n'
                await asyncio.sleep(0.02)

        return StreamingResponse(events(), media_type="text/event-stream")

    @fal.endpoint("/session", is_websocket=True)
    async def session(self, socket: WebSocket) -> None:
        await socket.accept()
        for _ in range(3):
            await socket.send_text(await socket.receive_text())
        await socket.close()

    @fal.endpoint("/long")
    async def long(self, request: Request) -> dict:
        body = await request.json()
        stop = self.stops[request.headers["x-fal-request-id"]] = asyncio.Event()
        try:
            await asyncio.wait_for(stop.wait(), 30)
        except asyncio.TimeoutError:
            return {"key": body["key"]}
        raise fal.exceptions.RequestCancelledException("cancelled by the caller")

    @fal.endpoint("/long/cancel")
    async def cancel(self, request: Request) -> dict:
        stop = self.stops.get(request.headers["x-fal-request-id"])
        if stop:
            stop.set()
        return {}

    @fal.endpoint("/crash")
    async def crash(self, body: dict) -> dict:
        mark = CRASHED / body["key"]
        if not mark.exists():
            mark.touch()
            os._exit(9)
        mark.unlink()
        return {"key": body["key"]}
