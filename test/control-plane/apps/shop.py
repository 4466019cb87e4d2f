"""What the control-plane suite deploys: its version is read from a file that is shipped with it."""

import os
import threading
from pathlib import Path

import fal
from pydantic import BaseModel


class Input(BaseModel):
    n: int = 1


class Output(BaseModel):
    n: int
    version: str
    secret: str | None
    served: int


class Shop(fal.App):
    app_name = "shop"
    machine_type = "XS"
    keep_alive = 300
    max_concurrency = 3
    app_files = ["version.txt"]

    def setup(self):
        print("opening the shop")
        self.version = Path("version.txt").read_text().strip()
        if self.version == "broken":
            raise RuntimeError("the shutter is stuck")
        if self.version == "endless":
            threading.Event().wait()
        self.served = 0

    @fal.endpoint("/")
    def sell(self, input: Input) -> Output:
        self.served += 1
        print("selling", input.n)
        secret = os.environ.get("SHOP_SECRET")
        return Output(n=input.n + 1, version=self.version, secret=secret, served=self.served)
