from pathlib import Path

import fal

# Whoever runs a line of this file leaves a trace.
Path(__file__).with_name("ran.txt").write_text("ran")


class Marked(fal.App, name="marked"):
    machine_type = "XS"

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
