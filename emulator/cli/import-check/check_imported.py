"""Checks converted apps under the real fal: imported, described, pickled, and run beside their sources on stand-ins.

Reads {"cases": [...]} on stdin, answers one JSON object a line:
{"name", "checks": [{"check", "ok", "detail"}], "apps": OpenAPI documents or null, "functions": names}.
Each step runs in a process of its own, forked from this one, which has fal loaded.
"""

import base64
import json
import os
import runpy
import sys

import cloudpickle
import fal
from child import in_child
from fal.api import IsolatedFunction
from fal.app import wrap_app
from modal_standin import docker_variables
from recording_stubs import DEPLOYED, Finder
from side_by_side import compare

SERVER = "it serves HTTP by itself: there is no function to call"


def home_of(case):
    return os.path.dirname(os.path.join(case["converted"], case["entry"]))


def apps_of(values):
    return [v for v in values.values() if isinstance(v, type) and issubclass(v, fal.App) and v is not fal.App and v.__module__ not in ("fal.app",)]


def paths_of(app):
    return app(_allow_init=True).openapi()


def deploy(case):
    """What `fal deploy` does with the file: run it, look at it, pickle it. Nothing may be imported but fal's own."""
    os.chdir(home_of(case))
    sys.meta_path.insert(0, Finder([case["converted"]], refuse=True))
    values = runpy.run_path(os.path.join(case["converted"], case["entry"]), run_name=DEPLOYED)
    apps = apps_of(values)
    functions = {name: value for name, value in values.items() if isinstance(value, IsolatedFunction)}
    if not apps and not functions:
        raise RuntimeError("the file holds no fal.App and no fal.function")
    described = []
    for app in apps:
        wrap_app(app)
        members = [getattr(app, name, None) for name in dir(app)]
        own = [member.route_signature.path for member in members if hasattr(member, "route_signature")]
        described.append({"name": app.__name__, "openapi": paths_of(app), "own": own, "variables": variables_of(app)})
    pickles = [base64.b64encode(cloudpickle.dumps(app)).decode() for app in apps]
    for function in functions.values():
        cloudpickle.dumps(function.func)
    return {"apps": described, "pickles": pickles, "functions": list(functions)}


def variables_of(app):
    """What the app's image sets for it."""
    image = app.host_kwargs.get("image")
    return docker_variables(image.dockerfile_str) if image else {}


def unpickle(case):
    """In a process that has never seen the file, in another folder."""
    os.chdir("/")
    return [paths_of(cloudpickle.loads(base64.b64decode(text))) for text in case["pickles"]]


def compiles_at_source(case, path):
    try:
        with open(os.path.join(case["source"], path), "rb") as file:
            compile(file.read(), path, "exec", dont_inherit=True)
    except FileNotFoundError:
        return True
    except (SyntaxError, ValueError):
        return False
    return True


def check(case, found):
    """The results of every check; what the app is goes to `found`."""
    results = []
    for path in case["python"]:
        with open(os.path.join(case["converted"], path), "rb") as file:
            try:
                compile(file.read(), path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                if not compiles_at_source(case, path):
                    # Written for a newer Python than this one.
                    continue
                results.append({"check": "compiles", "ok": False, "detail": "%s: %s" % (path, error)})
    if not results:
        results.append({"check": "compiles", "ok": True, "detail": "%d files" % len(case["python"])})
    deployed = in_child(deploy, case)
    if "failed" in deployed:
        return [*results, {"check": "imports", "ok": False, "detail": deployed["failed"]}]
    found.update(apps=[app["openapi"] for app in deployed["apps"]], functions=deployed["functions"])
    results.append({"check": "imports", "ok": True, "detail": "%d apps, %d functions" % (len(deployed["apps"]), len(deployed["functions"]))})
    for app in deployed["apps"]:
        own = app["own"]
        doubled = sorted({path for path in own if own.count(path) > 1})
        missing = [path for path in own if path not in app["openapi"]["paths"] and path != "/health"]
        results.append({"check": "openapi", "ok": not doubled and not missing and bool(own), "detail": "%s: %s" % (app["name"], ", ".join(sorted(own)))})
    loaded = in_child(unpickle, {**case, "pickles": deployed["pickles"]})
    if isinstance(loaded, dict):
        return [*results, {"check": "pickle", "ok": False, "detail": loaded["failed"]}]
    same = loaded == [app["openapi"] for app in deployed["apps"]]
    results.append({"check": "pickle", "ok": same, "detail": "the same OpenAPI in another process" if same else "another OpenAPI in another process"})
    case = {**case, "pickles": deployed["pickles"], "variables": {}}
    compare_all(case, deployed["apps"], results)
    return results


def compare_all(case, apps, results):
    """Each function and method that is served, by itself; or the one handler that the source has."""
    if case["served"] is None:
        if not apps or "/" not in apps[0]["openapi"]["paths"]:
            results.append({"check": "not compared", "ok": True, "detail": SERVER})
        else:
            compare({**case, "index": 0, "path": "/"}, apps[0]["openapi"], results)
        return
    names = [app["name"] for app in apps]
    for unit in case["served"]:
        if not unit["calls"]:
            results.append({"check": "not compared", "ok": True, "detail": "%s: %s" % (unit["unit"], SERVER)})
        for call in unit["calls"]:
            name = ".".join(part for part in (unit["unit"], call["method"]) if part)
            index = names.index(unit["symbol"])
            one = {**case, "index": index, "path": call["path"], "set": apps[index]["variables"], "call": {**unit, **call}}
            one["mounts"] = unit["mounts"] or case["mounts"]
            own = []
            compare(one, apps[index]["openapi"], own)
            results += [{**result, "detail": "%s: %s" % (name, result["detail"])} for result in own]


def main():
    for case in json.load(sys.stdin)["cases"]:
        found = {"apps": None, "functions": []}
        try:
            results = check(case, found)
        except Exception as error:
            results = [{"check": "checks", "ok": False, "detail": "%s: %s" % (type(error).__name__, error)}]
        sys.stdout.write(json.dumps({"name": case["name"], "checks": results, **found}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
