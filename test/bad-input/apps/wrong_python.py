import fal


class WrongPython(fal.App, name="wrong-python", python_version="3.19"):
    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
