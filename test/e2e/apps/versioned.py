import asyncio
from pathlib import Path

import fal

VERSION = 1


class Versioned(fal.App, name="versioned", keep_alive=300, max_multiplexing=8, max_concurrency=1):
    machine_type = "S"

    @fal.endpoint("/")
    async def run(self, body: dict) -> dict:
        await asyncio.sleep(body.get("seconds", 0.02))
        return {"version": VERSION}

    @fal.endpoint("/write")
    def write(self, body: dict) -> dict:
        path = Path(body["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("an output of the app")
        return {}
