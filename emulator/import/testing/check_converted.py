"""Imports converted apps under the real fal, serves them, and compares them with their originals. Reads a plan on stdin."""

import base64
import importlib
import inspect
import json
import os
import runpy
import subprocess
import sys
import types

import cloudpickle
import fal
from fal.app import wrap_app
from fastapi.testclient import TestClient

LOAD = """
import base64, cloudpickle, json, sys
for line in sys.stdin:
    app = cloudpickle.loads(base64.b64decode(line))
    print(json.dumps(sorted(app(_allow_init=True).openapi()["paths"])))
"""


class Refuse:
    """Nothing but fal, its requirements and the standard library may be imported where an app is deployed."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError("%s was imported at deploy" % name)
        return None


def app_of(file):
    found = [v for v in runpy.run_path(file).values() if isinstance(v, type) and issubclass(v, fal.App)]
    (app,) = [v for v in found if v is not fal.App]
    return app


def original(folder, entry, job):
    """What the worker answered: its handler, caught where it starts, called as runpod's own loop does."""
    started = []
    root = types.ModuleType("runpod")
    serverless = types.ModuleType("runpod.serverless")
    serverless.start = started.append
    serverless.progress_update = lambda job, progress: None
    root.serverless = serverless
    utils = types.ModuleType("runpod.serverless.utils")
    validator = importlib.import_module("worker_tools") if os.path.exists("worker_tools.py") else None
    modules = {"runpod": root, "runpod.serverless": serverless, "runpod.serverless.utils": utils}
    if validator is not None:
        modules["runpod.serverless.utils.rp_validator"] = validator
    sys.modules.update(modules)
    sys.path.insert(0, os.path.join(folder, os.path.dirname(entry)))
    argv, sys.argv = sys.argv, [entry]
    runpy.run_path(os.path.join(folder, entry), run_name="__main__")
    sys.argv = argv
    sys.path.pop(0)
    for name in modules:
        del sys.modules[name]
    import asyncio

    output = started[-1]["handler"](job)
    if inspect.isasyncgen(output):

        async def collect():
            return [item async for item in output]

        return asyncio.run(collect())
    if inspect.isawaitable(output):
        return asyncio.run(output)
    return list(output) if inspect.isgenerator(output) else output


def main():
    plan = json.load(sys.stdin)
    results, pickles = {}, []
    for case in plan:
        os.chdir(os.path.join(case["converted"], os.path.dirname(case["entry"])))
        guard = Refuse(set(case["refuse"]))
        sys.meta_path.insert(0, guard)
        app = app_of(os.path.join(case["converted"], case["entry"]))
        wrap_app(app)
        pickles.append(base64.b64encode(cloudpickle.dumps(app)).decode())
        sys.meta_path.remove(guard)
        result = {"paths": sorted(app(_allow_init=True).openapi()["paths"])}
        if case["input"] is not None:
            here = os.getcwd()
            sys.path.insert(0, here)
            with TestClient(app(_allow_init=True)._build_app()) as client:
                answer = client.post("/", json=case["input"])
                result["status"], result["answer"] = answer.status_code, answer.json()
                result["stop"] = answer.headers.get("x-fal-stop-runner")
                result["stream"] = client.post("/stream", json=case["input"]).text
                result["wrong"] = client.post("/", json=case["wrong"]).status_code if case["wrong"] else None
            job = {"id": "job", "input": case["input"]}
            result["original"] = original(case["source"], case["entry"], job)
            sys.path.remove(here)
            for name in case["refuse"]:
                sys.modules.pop(name, None)
        results[case["name"]] = result
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD], input="\n".join(pickles), capture_output=True, text=True, cwd="/", check=False
    )
    if loaded.returncode:
        raise SystemExit(loaded.stderr)
    for case, line in zip(plan, loaded.stdout.splitlines()):
        results[case["name"]]["unpickled"] = json.loads(line)
    json.dump(results, sys.stdout)


main()
