import fal

marker = "module"


class Paused(fal.App, name="paused", keep_alive=300, request_timeout=2):
    machine_type = "XS"

    def setup(self):
        self.ready = "set up"

    @fal.endpoint("/")
    def double(self, number: int = 21) -> dict:
        result = number * 2
        return {"result": result}
