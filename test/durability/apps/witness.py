"""Writes down, on the disk itself, each time it is called: what the queue claims is checked against this file."""

import asyncio
import os

import fal


class Witness(fal.App, name="witness", keep_alive=300, max_multiplexing=4, max_concurrency=1):
    machine_type = "S"

    def setup(self):
        os.makedirs("/data/durability", exist_ok=True)
        self.file = os.open("/data/durability/witness.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)

    def write(self, text):
        os.write(self.file, f"{text}\n".encode())
        os.fsync(self.file)

    @fal.endpoint("/")
    async def work(self, body: dict) -> dict:
        self.write(f"start {body['key']}")
        await asyncio.sleep(body.get("seconds", 0.005))
        self.write(f"end {body['key']}")
        return {"key": body["key"], "pad": len(body.get("pad", ""))}
