import fal


def load_weights():
    raise FileNotFoundError("weights.bin is not in /data")


class SetupRaises(fal.App, name="setup-raises"):
    def setup(self):
        load_weights()

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
