import fal


class One(fal.App, name="one"):
    @fal.endpoint("/")
    def run(self) -> dict:
        return {}


class Two(fal.App, name="two"):
    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
