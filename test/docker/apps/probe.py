"""What a runner sees of its container, and ways to end badly."""

import glob
import os
import pathlib
import signal
import subprocess
import sys
import time

import fal
from pydantic import BaseModel


class Nothing(BaseModel):
    pass


class Gate(BaseModel):
    name: str


class Probe(fal.App, name="probe", keep_alive=300, max_concurrency=3, termination_grace_period_seconds=1):
    machine_type = "XS"

    @fal.endpoint("/")
    def look(self, input: Nothing) -> dict:
        status = dict(line.split(":\t", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
        source = pathlib.Path(__file__)
        try:
            source.write_text("changed")
            written = True
        except OSError:
            written = False
        try:
            source.chmod(0o777)
            written = True
        except OSError:
            pass
        pathlib.Path("/data/probe.txt").write_text("from the container")
        return {
            "uid": os.getuid(),
            "cwd": os.getcwd(),
            "capabilities": status["CapEff"].strip(),
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "source_written": written,
            "docker_socket": os.path.exists("/var/run/docker.sock"),
            "file": __file__,
            "python": sys.version.split()[0],
            "visible": os.environ.get("NVIDIA_VISIBLE_DEVICES"),
            "devices": sorted(glob.glob("/dev/nvidia[0-9]*")),
        }

    @fal.endpoint("/wait")
    def wait(self, input: Gate) -> dict:
        pathlib.Path("/data", input.name + ".begun").touch()
        with open("/data/" + input.name + ".attempts", "a") as attempts:
            attempts.write("x")
        while not os.path.exists("/data/" + input.name + ".go"):
            time.sleep(0.02)
        attempts = len(pathlib.Path("/data", input.name + ".attempts").read_text())
        return {"attempts": attempts, "visible": os.environ.get("NVIDIA_VISIBLE_DEVICES")}

    @fal.endpoint("/eat")
    def eat(self, input: Nothing) -> dict:
        eaten = []
        while True:
            eaten.append(bytearray(os.urandom(1) * (8 << 20)))

    @fal.endpoint("/feed-child")
    def feed_child(self, input: Nothing) -> dict:
        code = "import os\neaten = []\nwhile True: eaten.append(bytearray(os.urandom(1) * (8 << 20)))"
        return {"child": subprocess.run([sys.executable, "-I", "-S", "-c", code]).returncode}

    @fal.endpoint("/deaf")
    def deaf(self, input: Nothing) -> dict:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        return {}

    @fal.endpoint("/crash")
    def crash(self, input: Nothing) -> dict:
        os._exit(7)
