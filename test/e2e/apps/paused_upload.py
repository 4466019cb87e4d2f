"""An endpoint at rest while a child of another of its threads uploads a file."""

import subprocess
import sys
import threading

import fal
from pydantic import BaseModel

# Starts when the test says so: when the app is stopped.
CHILD = """
import os, sys, time
from fal.toolkit import File
go, done = sys.argv[1:]
while not os.path.exists(go):
    time.sleep(0.02)
url = File.from_bytes(b"z" * 300_000, file_name="large.bin").url
with open(done + ".part", "w") as file:
    file.write(url)
os.rename(done + ".part", done)
"""


class Input(BaseModel):
    go: str
    done: str


class PausedUpload(fal.App, name="paused-upload", keep_alive=300, request_timeout=2):
    machine_type = "XS"

    @fal.endpoint("/")
    def run(self, input: Input) -> dict:
        command = [sys.executable, "-c", CHILD, input.go, input.done]
        begun = threading.Event()

        def upload():
            child = subprocess.Popen(command)
            begun.set()
            child.wait()

        thread = threading.Thread(target=upload)
        thread.start()
        begun.wait()
        thread.join()
        return {"joined": True}
