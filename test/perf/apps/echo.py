"""The trivial app: what is measured around it is not its own time."""

import fal


class Echo(fal.App, name="echo", keep_alive=3600, max_concurrency=1, max_multiplexing=64):
    machine_type = "M"

    @fal.endpoint("/")
    async def echo(self, body: dict) -> dict:
        return body
