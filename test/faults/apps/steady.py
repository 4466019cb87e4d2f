"""An app with nothing wrong: whatever goes wrong is the scenario's doing."""

import fal


class Steady(fal.App, name="steady", keep_alive=300, max_concurrency=1):
    machine_type = "S"

    @fal.endpoint("/")
    def answer(self, body: dict) -> dict:
        return {"answer": body["n"]}
