import fal


class Unresolvable(fal.App, name="unresolvable"):
    requirements = ["windtunnel-no-such-package==9.9.9"]

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
