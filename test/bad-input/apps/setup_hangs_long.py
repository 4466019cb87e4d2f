import time

import fal


class SetupHangsLong(fal.App, name="setup-hangs-long"):
    def setup(self):
        print("setup has begun")
        while True:
            try:
                time.sleep(600)
            except BaseException as error:
                print("not now:", error)

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
