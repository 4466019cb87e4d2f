"""The trivial app: what is measured around it is not its own time."""

import sys

import fal


class Echo(fal.App, name="echo", keep_alive=3600, max_concurrency=1, max_multiplexing=64):
    machine_type = "M"

    @fal.endpoint("/")
    async def echo(self, body: dict) -> dict:
        return body

    @fal.endpoint("/python")
    async def python(self) -> dict:
        """Which Python serves this: the baseline runs in the same environment."""
        return {"executable": sys.executable}
