import asyncio
import os
import subprocess
import sys
import time

import fal
from fastapi import Request
from pydantic import BaseModel


class Input(BaseModel):
    count: int


class Good(fal.App, name="good", keep_alive=300, max_multiplexing=4, max_concurrency=1):
    machine_type = "S"

    @fal.endpoint("/")
    def run(self, body: Input) -> dict:
        return {"count": body.count}

    @fal.endpoint("/exit")
    def leave(self, body: dict) -> dict:
        sys.exit(3)

    @fal.endpoint("/die")
    def die(self, body: dict) -> dict:
        os._exit(4)

    @fal.endpoint("/block")
    async def block(self, body: dict) -> dict:
        while not os.path.exists(body["until"]):
            time.sleep(0.05)
        return {"blocked": True}

    @fal.endpoint("/slow")
    async def slow(self, body: dict) -> dict:
        self.calls = getattr(self, "calls", 0) + 1
        await asyncio.sleep(body["seconds"])
        return {"slept": body["seconds"], "calls": self.calls}

    @fal.endpoint("/noise")
    def noise(self, body: dict) -> dict:
        line = "n" * 999
        for _ in range(body["megabytes"] * 1000):
            print(line)
        return {"printed": body["megabytes"]}

    @fal.endpoint("/line")
    def line(self, body: dict) -> dict:
        print("l" * body["bytes"])
        print("next")
        return {}

    @fal.endpoint("/size")
    async def size(self, request: Request) -> dict:
        total = 0
        async for chunk in request.stream():
            total += len(chunk)
        return {"bytes": total}

    @fal.endpoint("/fork")
    def fork(self, body: dict) -> dict:
        code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n"
        subprocess.run([sys.executable, "-c", code], check=True)
        return {}

    @fal.endpoint("/raise")
    def fail(self, body: dict) -> dict:
        raise ValueError("the model is not loaded")
