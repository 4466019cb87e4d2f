"""One runner, one slot: what waits, waits in line."""

import time
from pathlib import Path

import fal


class Line(fal.App, name="line", keep_alive=300, max_multiplexing=1, max_concurrency=1):
    machine_type = "XS"

    def setup(self):
        self.order = []

    @fal.endpoint("/")
    def work(self, body: dict) -> dict:
        self.order.append(body["key"])
        time.sleep(body.get("seconds", 0))
        return {"key": body["key"]}

    @fal.endpoint("/order")
    def seen(self, body: dict) -> dict:
        return {"order": [k for k in self.order if k.startswith(body["prefix"])]}

    @fal.endpoint("/data/read")
    def read(self, body: dict) -> dict:
        path = Path("/data/conformance") / body["name"]
        return {"text": path.read_text() if path.exists() else None}
