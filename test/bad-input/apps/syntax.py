import fal


class Syntax(fal.App, name="syntax"):
    @fal.endpoint("/")
    def run(self) -> dict
        return {}
