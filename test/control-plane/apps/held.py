"""Its setup() goes on for as long as a file on /data is there."""

import os
import time

import fal


class Held(fal.App):
    app_name = "held"
    machine_type = "XS"
    keep_alive = 300

    def setup(self):
        print("opening", os.getpid())
        while os.path.exists("/data/crashes/hold"):
            time.sleep(0.05)

    @fal.endpoint("/")
    def pid(self) -> dict:
        return {"pid": os.getpid()}


class Bringing(Held):
    """The same with a package that the test serves."""

    app_name = "bringing"
    requirements = [os.environ.get("HELD_WHEEL", "")]

    @fal.endpoint("/")
    def word(self) -> dict:
        import held_package

        return {"word": held_package.WORD}
