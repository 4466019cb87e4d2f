"""A source and the app that it became, run on the same inputs and stand-ins: the same calls, the same results."""

import base64
import gc
import json
import os
import pathlib
import shutil
import sys
import tempfile

import cloudpickle
import fal.toolkit  # noqa: F401  whose classes are looked for
import fal_client
import fastapi.encoders
import originals
import pydantic
import recording_stubs
from child import in_child
from fastapi.testclient import TestClient
from quiet_world import settle
from recording_stubs import DEPLOYED, Finder, Stub, content_name, sent, shown, trace
from sample_inputs import PIXEL, known_inputs

# What the importer writes where it leaves something to a person.
LEFT = ("not converted, see the report", "has no counterpart at fal, see IMPORT.md")


def compare(case, document, results):
    """Adds what was found: `behaviour`, or `not compared` with the reason."""
    given = known_inputs(case["inputs"], case["path"], document)
    case = {**case, "given": given}
    if case["kind"] == "modal":
        case["variables"] = in_child(image_variables, case)
        if "failed" in case["variables"]:
            case["variables"] = {}
    first = in_child(run_original, case)
    if "not compared" in first:
        results.append({"check": "not compared", "ok": True, "detail": first["not compared"]})
        return
    second = in_child(run_converted, case)
    results.append({"check": "behaviour", **verdict(case["platform"], first, second)})


def verdict(platform, first, second):
    failed_first, failed_second = first.get("failed"), second.get("failed")
    stops = [failed_second or ""] + [other["answer"].get("raised", "") for other in second.get("answers", [])]
    left = [stop for stop in stops if any(words in stop for words in LEFT)]
    if left:
        return {"ok": False, "detail": "the app stops at what the report leaves to you: %s" % left[0]}
    if failed_first or failed_second:
        alike = bool(failed_first) and bool(failed_second) and failed_first.split(":")[0] == failed_second.split(":")[0]
        return {"ok": alike, "alike": alike, "detail": "source: %s; app: %s" % (failed_first or "answers", failed_second or "answers")}
    for number, (one, other) in enumerate(zip(first["answers"], second["answers"])):
        if not same_answer(platform, one["answer"], other["answer"]):
            both = number + 1, json.dumps(one["answer"])[:300], json.dumps(other["answer"])[:300]
            return {"ok": False, "detail": "input %d: the source gave %s, the app %s" % both}
    whole = [one["setup"] + sum((a["trace"] for a in one["answers"]), []) for one in (first, second)]
    if whole[0] != whole[1]:
        at = next((i for i, pair in enumerate(zip(*whole)) if pair[0] != pair[1]), min(map(len, whole)))
        pick = [json.dumps(calls[at])[:300] if at < len(calls) else "nothing more" for calls in whole]
        return {"ok": False, "detail": "call %d on stand-ins: the source %s, the app %s" % (at + 1, *pick)}
    answers = ", ".join(json.dumps(one["answer"])[:80] for one in first["answers"])
    failed = all("raised" in one["answer"] or "error" in one["answer"] or "status" in one["answer"] for one in first["answers"])
    return {"ok": True, "alike": failed, "detail": "%d calls on stand-ins, %d inputs: %s" % (len(whole[0]), len(first["answers"]), answers)}


def same_answer(platform, original, converted):
    """Whether both gave the same result, or failed in the same way."""
    if "status" in original:
        return converted.get("status") == original["status"]
    if "raised" in original or "raised" in converted:
        return original.get("raised") == converted.get("raised")
    if "error" in original:
        return converted["status"] >= 400
    if converted["status"] != 200:
        return False
    body, output = converted["body"], original["output"]
    if platform in ("cog", "modal"):
        return body == output or body == {"output" if platform == "cog" else "result": output}
    return body == output


def raised(error):
    """How it failed. A result that is a stand-in, which fits no type, has not failed."""
    wrong = error.errors() if isinstance(error, pydantic.ValidationError) else []
    if wrong and all(isinstance(one["input"], Stub) and one["loc"] == ("result",) for one in wrong):
        path = wrong[0]["input"].path
        while trace and trace[-1][0].startswith(path + "."):
            trace.pop()
        return {"status": 200, "body": {"result": "<%s>" % path}}
    if isinstance(error, NotImplementedError):
        return {"raised": "NotImplementedError: %s" % error}
    return {"raised": type(error).__name__}


def plain(value):
    """A result as JSON has it, files by their name."""
    if isinstance(value, Stub):
        return shown(value)
    if isinstance(value, (bytes, bytearray)):
        return {"file": content_name(value)}
    if hasattr(value, "body_iterator"):
        raise originals.NotComparedError("the answer is a stream of its own")
    if hasattr(value, "media_type") and isinstance(getattr(value, "body", None), bytes):
        return text_or_json(value.body)
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


def text_or_json(content):
    try:
        return json.loads(content)
    except ValueError:
        return shown(content.decode("utf-8", "replace"))


def prepare(case, side):
    """A folder for the run with the files of the source or of the app in it, and stand-ins for everything else."""
    work = os.path.realpath(tempfile.mkdtemp(prefix="check-", dir=case["work"]))
    base = os.path.join(work, "app")
    shutil.copytree(case[side], base)
    for name in ("tmp", "inputs", "home", "world"):
        os.makedirs(os.path.join(work, name))
    os.environ.update(TMPDIR=os.path.join(work, "tmp"), HOME=os.path.join(work, "home"))
    os.environ.update({name: "sample-secret" for name in case["secrets"]})
    os.environ.update(case["variables"])
    tempfile.tempdir = os.path.join(work, "tmp")
    folders = [os.path.join(work, "app"), work, case["converted"], case["source"]]
    case = {**case, side: base}
    home = os.path.dirname(os.path.join(base, case["entry"]))
    os.chdir(home)
    sys.path[:0] = [home, base]
    recording_stubs.folders[:] = folders
    recording_stubs.places[:] = sorted(
        {(place, "<volume %s>" % mount["to"]) for mount in case["mounts"] for place in (mount["from"], mount["to"])},
        key=lambda pair: -len(pair[0]),
    )
    sys.dont_write_bytecode = True
    if side == "source" and case["tools"] is not None:
        shutil.copy(os.path.join(case["converted"], case["tools"]), os.path.join(work, "inputs"))
        case["tools"] = os.path.join(work, "inputs")
    sys.meta_path.insert(0, Finder([work, case["converted"], case["source"], DEPLOYED]))
    settle(work, [mount["from"] for mount in case["mounts"]] if side == "source" else ["/data"])
    return case, work


def image_variables(case):
    """The environment variables of the image in which a unit of Modal runs."""
    case, _ = prepare({**case, "variables": {}}, "source")
    return originals.Modal(case).variables()


def run_original(case):
    case, work = prepare(case, "source")
    try:
        source = originals.ORIGINALS[case["kind"]](case)
        if hasattr(source, "start"):
            source.start()
    except originals.NotComparedError as error:
        return {"not compared": str(error)}
    answers = []
    for given in case["given"]:
        start = len(trace)
        try:
            answer = plain(source.answer(with_paths(given, work)))
        except originals.NotComparedError as error:
            return {"not compared": str(error)}
        except Exception as error:
            status = getattr(error, "status_code", None)
            answer = {"status": status} if isinstance(status, int) and hasattr(error, "detail") else raised(error)
        answers.append({"answer": answer, "trace": trace[start:]})
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
        return pathlib.Path(path)
    return value


def app_files_stay_here():
    """Results are files only by their names here: nothing is uploaded. An app that was unpickled has classes of its own."""

    def from_path(cls, path, content_type=None, **more):
        return cls(url="https://stand-in.invalid/x", content_type=content_type, file_name=os.path.basename(path))

    def from_bytes(cls, data, content_type=None, file_name=None, **more):
        return cls(url="https://stand-in.invalid/x", content_type=content_type, file_name=file_name or content_name(data))

    for found in gc.get_objects():
        if isinstance(found, type) and found.__name__ == "File" and found.__module__.startswith("fal.toolkit"):
            found.from_path = classmethod(from_path)
            found.from_bytes = classmethod(from_bytes)


def other_apps_are_recorded():
    """Calls of other apps are steps of the work, answered by a stand-in."""

    def called(app, arguments, **more):
        trace.append(["an app", shown(sent(arguments))])
        return {"result": Stub("answer of an app")}

    class Handle:
        request_id = "call"

        def __init__(self, answer):
            self.get = lambda: answer

    fal_client.subscribe = called
    fal_client.submit = lambda *args, **kwargs: Handle(called(*args, **kwargs))
    fal_client.stream = lambda *args, **kwargs: iter([called(*args, **kwargs)["result"]])


def body_of(reply):
    """The answer's JSON, or the items of a stream."""
    if not reply.headers.get("content-type", "").startswith("text/event-stream"):
        return text_or_json(reply.content)
    return [json.loads(line[len("data: ") :]) for line in reply.text.splitlines() if line.startswith("data: ")]


def run_converted(case):
    case, _ = prepare({**case, "variables": case["set"] if case["kind"] == "modal" else {}}, "converted")
    app = cloudpickle.loads(base64.b64decode(case["pickles"][case["index"]]))
    app_files_stay_here()
    os.environ["IS_ISOLATE_AGENT"] = "1"
    other_apps_are_recorded()
    answers = []
    with TestClient(app(_allow_init=True)._build_app()) as client:
        before = list(trace)
        for given in case["given"]:
            start = len(trace)
            try:
                reply = client.post(case["path"], json=given, headers={"x-fal-request-id": "check"})
                answer = {"status": reply.status_code, "body": plain(body_of(reply))}
            except Exception as error:
                answer = raised(error)
            answers.append({"answer": answer, "trace": trace[start:]})
    return {"setup": before, "answers": answers}
