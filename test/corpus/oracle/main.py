"""Reads sources by itself and compares: endpoints and input fields. {"cases": [...]} on stdin, a list of JSON on stdout."""

import json
import os
import sys

import cog_reader
import flash_reader
import modal_reader
import runpod_reader
from accounting import unaccounted
from compare import compare

READERS = {"modal": modal_reader, "cog": cog_reader, "runpod-flash": flash_reader, "runpod": runpod_reader}


def look_at(case):
    with open(os.path.join(case["folder"], case["entry"]), encoding="utf-8-sig") as file:
        source = file.read()
    result = {"name": case["name"], "wrong": [], "unaccounted": [], "read": 0}
    result["unaccounted"] = unaccounted(source, case)
    # A worker that serves HTTP itself has no handler, and its converted app no model.
    if case["apps"] is not None and not (case["kind"] == "runpod" and case["functions"]):
        expected = READERS[case["kind"]].read(source, case["entry"], case["folder"])
        result["read"] = sum(len(fields or {}) for app in expected for fields in getattr(app, "paths", {}).values())
        result["wrong"] = compare(expected, case["apps"], case["functions"])
    return result


json.dump([look_at(case) for case in json.load(sys.stdin)["cases"]], sys.stdout)
