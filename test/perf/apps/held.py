"""An app whose only slot is taken for hours, so that everything else waits."""

import asyncio

import fal


class Held(fal.App, name="held", keep_alive=3600, max_concurrency=1, max_multiplexing=1):
    machine_type = "XS"

    @fal.endpoint("/")
    async def hold(self, body: dict) -> dict:
        await asyncio.sleep(6 * 3600)
        return body
