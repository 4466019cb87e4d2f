"""Checks converted apps under the real fal: imported, described, pickled, and run beside their sources on stand-ins.

Reads {"cases": [...]} on stdin, answers one JSON object a line:
{"name", "checks": [{"check", "ok", "detail"}], "apps": OpenAPI documents or null, "functions": names}.
Each step runs in a process of its own, forked from this one, which has fal loaded.
"""

import base64
import gc
import json
import os
import runpy
import shutil
import sys
import tempfile
import traceback

import cloudpickle
import fal
import fal.toolkit
import fastapi.encoders
import originals
import recording_stubs
from fal.api import IsolatedFunction
from fal.app import wrap_app
from fastapi.testclient import TestClient
from quiet_world import settle
from recording_stubs import DEPLOYED, Finder, Stub, shown, trace

SECONDS = 60
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def in_child(step, case):
    """The step's result, or {"failed": why}. What it prints goes nowhere."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        sys.stdin.close()
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        import signal

        signal.alarm(SECONDS)
        try:
            result = step(case)
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            result = {"failed": "%s: %s (line %s of %s)" % (type(error).__name__, error, last.lineno, os.path.basename(last.filename))}
        with os.fdopen(into, "w") as pipe:
            json.dump(result, pipe, default=str)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if text == "":
        return {"failed": "no answer in %d s" % SECONDS if os.WIFSIGNALED(status) else "the process ended"}
    return json.loads(text)


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
        described.append({"name": app.__name__, "openapi": paths_of(app), "own": own})
    pickles = [base64.b64encode(cloudpickle.dumps(app)).decode() for app in apps]
    for function in functions.values():
        cloudpickle.dumps(function.func)
    return {"apps": described, "pickles": pickles, "functions": list(functions)}


def unpickle(case):
    """In a process that has never seen the file, in another folder."""
    os.chdir("/")
    return [paths_of(cloudpickle.loads(base64.b64decode(text))) for text in case["pickles"]]


def resolve(schema, root):
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return schema


def sample(schema, root, name=""):
    """A value that the schema takes."""
    schema = resolve(schema, root)
    if "anyOf" in schema:
        return sample(next((one for one in schema["anyOf"] if one.get("type") != "null"), {}), root, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        if schema.get("title") in ("File", "Image", "Audio", "Video"):
            return "data:image/png;base64," + PIXEL
        return {key: sample(one, root, key) for key, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}), root, name)]
    if kind == "integer":
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return int(min(max(low, 1) + ("exclusiveMinimum" in schema), schema.get("maximum", 2**31)))
    if kind == "number":
        return float(min(max(schema.get("minimum", 0), 1), schema.get("maximum", 2**31)))
    if kind == "boolean":
        return True
    return ("sample " + name)[: schema.get("maxLength", 100)].ljust(schema.get("minLength", 0), "x")


def known_inputs(case, document):
    """The sample of the source; else one input with what is required, and one with everything, by the schema."""
    if case["inputs"]:
        return case["inputs"]
    body = document["paths"]["/"]["post"].get("requestBody")
    if body is None:
        return [{}]
    schema = resolve(body["content"]["application/json"]["schema"], document)
    fields = schema.get("properties", {})
    if "pattern" in json.dumps(fields):
        fields = {key: value for key, value in fields.items() if "pattern" not in json.dumps(value) or key in schema.get("required", [])}
    least = {key: sample(fields[key], document, key) for key in schema.get("required", []) if key in fields}
    most = {key: sample(value, document, key) for key, value in fields.items()}
    return [least] if least == most else [least, most]


def plain(value):
    """A result as JSON has it, files by their name."""
    if isinstance(value, Stub):
        return shown(value)
    if isinstance(value, os.PathLike):
        return {"file": shown(os.path.basename(os.fspath(value)))}
    if hasattr(value, "model_dump"):
        return plain({key: getattr(value, key) for key in type(value).model_fields})
    if isinstance(value, dict):
        if isinstance(value.get("url"), str) and "file_name" in value:
            return {"file": shown(value["file_name"])}
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return shown(value)
    return plain(fastapi.encoders.jsonable_encoder(value, custom_encoder={Stub: shown}))


def prepare(case, side):
    """A folder for the run with the files of the source or of the app in it, and stand-ins for everything else."""
    work = os.path.realpath(tempfile.mkdtemp(prefix="check-", dir=case["work"]))
    base = os.path.join(work, "app")
    shutil.copytree(case[side], base)
    for name in ("tmp", "inputs", "home"):
        os.makedirs(os.path.join(work, name))
    os.environ.update(TMPDIR=os.path.join(work, "tmp"), HOME=os.path.join(work, "home"))
    tempfile.tempdir = os.path.join(work, "tmp")
    case = {**case, side: base}
    home = os.path.dirname(os.path.join(base, case["entry"]))
    os.chdir(home)
    sys.path[:0] = [home, base]
    recording_stubs.folders[:] = [os.path.join(work, "app"), work]
    sys.dont_write_bytecode = True
    if side == "source" and case["tools"] is not None:
        shutil.copy(os.path.join(case["converted"], case["tools"]), os.path.join(work, "inputs"))
        case["tools"] = os.path.join(work, "inputs")
    sys.meta_path.insert(0, Finder([work, case["converted"], case["source"], DEPLOYED]))
    settle(work)
    return case, work


def run_original(case):
    case, work = prepare(case, "source")
    source = originals.ORIGINALS[case["platform"]](case)
    answers = []
    for given in case["given"]:
        trace_start = len(trace)
        try:
            answer = plain(source.answer(with_paths(given, work)))
        except Exception as error:
            answer = {"raised": type(error).__name__}
        answers.append({"answer": answer, "trace": trace[trace_start:]})
    return {"setup": trace[: len(trace) - sum(len(one["trace"]) for one in answers)], "answers": answers}


def with_paths(value, work):
    """Files of the input as what the source is given: paths."""
    if isinstance(value, dict):
        return {key: with_paths(item, work) for key, item in value.items()}
    if isinstance(value, list):
        return [with_paths(item, work) for item in value]
    if isinstance(value, str) and value.startswith("data:image/png;base64,") and value.endswith(PIXEL):
        path = os.path.join(work, "inputs", "file.png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(PIXEL))
        import pathlib

        return pathlib.Path(path)
    return value


def app_files_stay_here():
    """Results are files only by their names here: nothing is uploaded. An app that was unpickled has classes of its own."""

    def from_path(cls, path, content_type=None, **more):
        return cls(url="https://stand-in.invalid/x", content_type=content_type, file_name=os.path.basename(path))

    for found in gc.get_objects():
        if isinstance(found, type) and found.__name__ == "File" and found.__module__.startswith("fal.toolkit"):
            found.from_path = classmethod(from_path)


def run_converted(case):
    case, work = prepare(case, "converted")
    app = cloudpickle.loads(base64.b64decode(case["pickles"][0]))
    app_files_stay_here()
    answers = []
    with TestClient(app(_allow_init=True)._build_app()) as client:
        before = list(trace)
        for given in case["given"]:
            start = len(trace)
            try:
                reply = client.post("/", json=given, headers={"x-fal-request-id": "check"})
                answer = {"status": reply.status_code, "body": plain(reply.json())}
            except Exception as error:
                answer = {"raised": type(error).__name__}
            answers.append({"answer": answer, "trace": trace[start:]})
    return {"setup": before, "answers": answers}


def same_answer(platform, original, converted):
    """Whether both gave the same result, or failed in the same way."""
    if "raised" in original or "raised" in converted:
        return original.get("raised") == converted.get("raised")
    if "error" in original:
        return converted["status"] >= 400
    if converted["status"] != 200:
        return False
    body = converted["body"]
    if platform == "cog":
        output = original["output"]
        return body == {"output": output} or body == output
    return body == original["output"]


def compare(case, document, results):
    given = known_inputs(case, document)
    case = {**case, "given": given}
    first = in_child(run_original, {**case})
    second = in_child(run_converted, case)
    failed_first, failed_second = first.get("failed"), second.get("failed")
    if failed_first or failed_second:
        alike = bool(failed_first) and bool(failed_second) and failed_first.split(":")[0] == failed_second.split(":")[0]
        detail = "source: %s; app: %s" % (failed_first or "answers", failed_second or "answers")
        results.append({"check": "behaviour", "ok": alike, "detail": detail})
        return
    for number, (one, other) in enumerate(zip(first["answers"], second["answers"])):
        if not same_answer(case["platform"], one["answer"], other["answer"]):
            detail = "input %d: the source gave %s, the app %s" % (number + 1, json.dumps(one["answer"])[:300], json.dumps(other["answer"])[:300])
            results.append({"check": "behaviour", "ok": False, "detail": detail})
            return
    whole = [first["setup"] + sum((a["trace"] for a in first["answers"]), []), second["setup"] + sum((a["trace"] for a in second["answers"]), [])]
    if whole[0] != whole[1]:
        at = next((i for i, pair in enumerate(zip(*whole)) if pair[0] != pair[1]), min(map(len, whole)))
        pick = [json.dumps(calls[at])[:200] if at < len(calls) else "nothing more" for calls in whole]
        results.append({"check": "behaviour", "ok": False, "detail": "call %d on stand-ins: the source %s, the app %s" % (at + 1, *pick)})
        return
    answers = ", ".join(json.dumps(one["answer"])[:80] for one in first["answers"])
    results.append({"check": "behaviour", "ok": True, "detail": "%d calls on stand-ins, %d inputs: %s" % (len(whole[0]), len(given), answers)})


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
    document = deployed["apps"][0]["openapi"] if deployed["apps"] else None
    if case["comparable"] and case["platform"] in originals.ORIGINALS and document and "/" in document["paths"]:
        compare({**case, "pickles": deployed["pickles"]}, document, results)
    return results


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
