import fal

settings = {}
token = settings["missing"]


class ImportRaises(fal.App, name="import-raises"):
    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
