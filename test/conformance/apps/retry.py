"""Apps that fail on purpose: what they saw stands in /data, so that it outlives their runners."""

import asyncio
import json
import os
from pathlib import Path

import fal
from fastapi import Response

SEEN = Path("/data/conformance/retry")


def note(key, request_id):
    """Adds this call to what is known of `key`; returns how many there were before it."""
    SEEN.mkdir(parents=True, exist_ok=True)
    file = SEEN / key
    before = len(file.read_text().splitlines()) if file.exists() else 0
    with file.open("a") as lines:
        lines.write(json.dumps({"runner": os.environ["FAL_JOB_ID"], "request": request_id}) + "\n")
    return before


class Retry(fal.App, name="retry", keep_alive=300, max_concurrency=1):
    machine_type = "XS"
    termination_grace_period_seconds = 1

    def note(self, body):
        return note(body["key"], self.current_request.request_id)

    @fal.endpoint("/")
    def answer(self, body: dict) -> Response:
        """Answers with the n-th status and headers of its input; the last ones from then on."""
        before = self.note(body)
        statuses, headers = body["statuses"], body.get("headers", [{}])
        status = statuses[min(before, len(statuses) - 1)]
        content = json.dumps({"detail": f"call {before + 1}"})
        return Response(content, status, headers[min(before, len(headers) - 1)], "application/json")

    @fal.endpoint("/crash")
    def crash(self, body: dict) -> dict:
        if self.note(body) < body["times"]:
            os._exit(3)
        return {"runner": os.environ["FAL_JOB_ID"]}

    @fal.endpoint("/oom")
    def oom(self, body: dict) -> dict:
        if self.note(body) < body["times"]:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return {"runner": os.environ["FAL_JOB_ID"]}

    @fal.endpoint("/calls")
    def calls(self, body: dict) -> dict:
        file = SEEN / body["key"]
        lines = file.read_text().splitlines() if file.exists() else []
        return {"calls": [json.loads(line) for line in lines], "here": os.environ["FAL_JOB_ID"]}


class Overdue(fal.App, name="overdue", keep_alive=300, max_concurrency=1):
    machine_type = "XS"
    termination_grace_period_seconds = 1
    request_timeout = 2
    retry_config = {"timeout": {"retries": 1}}

    @fal.endpoint("/")
    async def sleep(self, body: dict) -> dict:
        note(body["key"], self.current_request.request_id)
        await asyncio.sleep(body["seconds"])
        return {}


class OverdueOnce(fal.App, name="overdue-once", keep_alive=300, max_concurrency=1):
    machine_type = "XS"
    termination_grace_period_seconds = 1
    request_timeout = 2
    skip_retry_conditions = ["timeout"]

    @fal.endpoint("/")
    async def sleep(self, body: dict) -> dict:
        note(body["key"], self.current_request.request_id)
        await asyncio.sleep(body["seconds"])
        return {}


class Sticky(fal.App, name="sticky", keep_alive=300, min_concurrency=2, max_concurrency=2):
    machine_type = "XS"

    def setup(self):
        self.model = None

    def provide_hints(self):
        return [self.model] if self.model else []

    @fal.endpoint("/")
    async def load(self, body: dict) -> dict:
        self.model = body.get("model", self.model)
        await asyncio.sleep(body.get("seconds", 0))
        return {"runner": os.environ["FAL_JOB_ID"], "model": self.model}
