"""Serves converted Modal apps with the real fal SDK, and calls the functions that they were made from. A plan on stdin."""

import base64
import inspect
import json
import os
import runpy
import subprocess
import sys

import cloudpickle
import fal
from fal.api import IsolatedFunction
from fal.app import wrap_app
from fastapi.testclient import TestClient

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../cli/import-check"))
import modal_standin  # noqa: E402

LOAD = """
import base64, json, pickle, sys
for line in sys.stdin:
    app = pickle.loads(base64.b64decode(line))
    print(json.dumps(sorted(app(_allow_init=True).openapi()["paths"]) if isinstance(app, type) else []))
"""
STANDARD = set(sys.stdlib_module_names) | {"fal", "fastapi", "pydantic", "typing_extensions"}


def converted(file):
    """The apps of a file, which may import nothing but fal and the standard library where it is deployed."""
    real = __builtins__.__import__

    def importing(name, given=None, *rest, **more):
        if given is not None and given.get("__file__") == file and name.split(".")[0] not in STANDARD:
            raise ImportError("%s was imported at deploy" % name)
        return real(name, given, *rest, **more)

    __builtins__.__import__ = importing
    try:
        values = runpy.run_path(file)
    finally:
        __builtins__.__import__ = real
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, IsolatedFunction) or (isinstance(value, type) and issubclass(value, fal.App) and value is not fal.App)
    }


def original(case, call):
    modal_standin.install()
    here = os.getcwd()
    os.chdir(case["source"])
    sys.path.insert(0, case["source"])
    values = runpy.run_path(os.path.join(case["source"], case["entry"]))
    unit = values[call["unit"]]
    target = getattr(unit(**call.get("parameters", {})), call["method"]) if call.get("method") else unit
    given = dict(call["input"])
    for name, kind in (call.get("models") or {}).items():
        given = {name: values[kind](**given)}
    result = target.local(**given)
    sys.path.remove(case["source"])
    os.chdir(here)
    del sys.modules["modal"]
    return result


def main():
    results, pickles = {}, []
    for case in json.load(sys.stdin):
        os.chdir(case["converted"])
        apps = converted(os.path.join(case["converted"], case["entry"]))
        result = {"apps": {}, "answers": []}
        for name, app in apps.items():
            if isinstance(app, IsolatedFunction):
                pickles.append((case["name"], name, app.raw_func))
                result["apps"][name] = {"port": app.options.gateway["exposed_port"], "paths": []}
            else:
                wrap_app(app)
                pickles.append((case["name"], name, app))
                result["apps"][name] = {"port": None, "paths": sorted(app(_allow_init=True).openapi()["paths"])}
        for call in case["calls"]:
            with TestClient(apps[call["app"]](_allow_init=True)._build_app(), raise_server_exceptions=False) as client:
                answer = client.post(call["path"], json={**call.get("parameters", {}), **call["input"]})
            body = answer.text if "stream" in call["path"] or call.get("text") else answer.json()
            expected = original(case, call)
            stop = answer.headers.get("x-fal-stop-runner")
            result["answers"].append({"status": answer.status_code, "body": body, "expected": expected, "stop": stop})
        results[case["name"]] = result
    lines = [base64.b64encode(cloudpickle.dumps(app)).decode() for _, _, app in pickles]
    loaded = subprocess.run([sys.executable, "-c", LOAD], input="\n".join(lines), capture_output=True, text=True, cwd="/", check=False)
    if loaded.returncode:
        raise SystemExit(loaded.stderr)
    for (case, name, _), line in zip(pickles, loaded.stdout.splitlines()):
        results[case]["apps"][name]["unpickled"] = json.loads(line)
    json.dump(results, sys.stdout, default=lambda value: getattr(value, "body", b"").decode() if not inspect.isclass(value) else None)


main()
