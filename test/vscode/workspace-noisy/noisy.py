import sys

import fal


class Noisy(fal.App, name="noisy", keep_alive=300):
    machine_type = "XS"

    def setup(self):
        print("noisy is set up")

    @fal.endpoint("/")
    def talk(self) -> dict:
        for number in range(200):
            print("line %d" % number, file=sys.stderr if number % 2 else sys.stdout)
        return {"lines": 200}

    @fal.endpoint("/fail")
    def fail(self) -> dict:
        raise ValueError("error: fatal: this is in the log")
