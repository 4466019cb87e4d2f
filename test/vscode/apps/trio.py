import asyncio
import threading

import fal
from pydantic import BaseModel


class Guest(BaseModel):
    name: str


class Trio(fal.App, name="trio", max_concurrency=1, max_multiplexing=3, keep_alive=300):
    """Three requests at a time, none of which ends before all three are there."""

    machine_type = "XS"

    def setup(self):
        self.here = threading.Barrier(3, timeout=120)
        self.came = 0
        self.all_came = asyncio.Event()

    @fal.endpoint("/threads")
    def threads(self, guest: Guest) -> dict:
        print(f"{guest.name} came")
        self.here.wait()
        print(f"{guest.name} goes")
        return {}

    @fal.endpoint("/tasks")
    async def tasks(self, guest: Guest) -> dict:
        print(f"{guest.name} came")
        self.came += 1
        if self.came == 3:
            self.all_came.set()
        await asyncio.wait_for(self.all_came.wait(), 120)
        print(f"{guest.name} goes")
        return {}
