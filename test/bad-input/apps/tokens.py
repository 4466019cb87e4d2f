import base64
import os
import sys
import time

import fal


class Secrets(fal.App, name="secrets", keep_alive=300, max_concurrency=1):
    @fal.endpoint("/")
    def run(self, body: dict) -> dict:
        token = os.environ.get("API_TOKEN", "")
        half = len(token) // 2
        print("whole:", token)
        print("split: " + token[:half], end="", flush=True)
        time.sleep(0.3)
        print(token[half:])
        os.write(1, b"native: " + token[:half].encode())
        time.sleep(0.3)
        os.write(1, token[half:].encode() + b"\n")
        print("header: Basic", base64.b64encode(("user:" + token).encode()).decode(), file=sys.stderr)
        print("long: " + "x" * (16 * 1024 - 6 - half) + token)
        return {"seen": bool(token)}

    @fal.endpoint("/raise")
    def fail(self, body: dict) -> dict:
        raise RuntimeError("refused for " + os.environ["API_TOKEN"])


class Failing(fal.App, name="failing", max_concurrency=1):
    def setup(self):
        raise RuntimeError("cannot log in with " + os.environ["API_TOKEN"])

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
