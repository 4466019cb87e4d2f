import fal


class Broken(fal.App, name="broken"):
    machine_type = "XS"

    def setup(self):
        self.table = {}
        self.value = self.table["missing"]

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
