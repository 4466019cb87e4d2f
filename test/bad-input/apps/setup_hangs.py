import time

import fal


class SetupHangs(fal.App, name="setup-hangs", startup_timeout=3):
    def setup(self):
        time.sleep(600)

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
