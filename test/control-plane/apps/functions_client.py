"""Calls plain functions through the SDK; prints what each gave, as JSON by name."""

import json
import os
import sys
import traceback

import fal
from fal.api import FalServerlessError

RESULTS = {}


def check(function):
    try:
        RESULTS[function.__name__] = function()
    except Exception:  # noqa: BLE001 - told to the test, which fails on it
        RESULTS[function.__name__] = {"failed": traceback.format_exc()}


class Unusual(Exception):
    pass


@fal.function(requirements=["pyjokes==0.5.0"], machine_type="XS")
def package(times):
    import pyjokes

    print("printed in the runner")
    return [pyjokes.__version__] * times


@fal.function(machine_type="XS")
def where():
    return {name: os.environ.get(name) for name in ("FAL_HOST", "FAL_KEY_ID", "FAL_KEY_SECRET", "IS_ISOLATE_AGENT")}


@fal.function(machine_type="XS")
def echo(data):
    return data


@fal.function(machine_type="XS")
def speaks(words):
    print(words)


@fal.function(machine_type="XS")
def fails():
    try:
        raise ValueError("the cause")
    except ValueError as error:
        raise RuntimeError("the effect") from error


def load():
    import uuid

    return str(uuid.uuid4())


@fal.function(machine_type="XS", setup_function=load)
def loaded(setup, argument):
    return [setup, argument]


@fal.function(machine_type="XS")
def ends():
    os._exit(3)


@check
def result():
    return package(2)


@check
def environment():
    found = where()
    return {**found, "FAL_KEY_SECRET": bool(found["FAL_KEY_SECRET"])}


@check
def futures():
    return [future.result() for future in [echo.submit(n) for n in range(3)]]


@check
def spawned():
    return speaks.spawn("later").logs.get(timeout=60).message


@check
def large():
    return len(echo(b"x" * (8 * 1024 * 1024)))


@check
def raised():
    try:
        fails()
    except RuntimeError as error:
        return [str(error), repr(error.__cause__)]
    return None


@check
def setup_once():
    first, second = loaded("a"), loaded("b")
    return [first[0] == second[0], first[1], second[1]]


@check
def process_exit():
    try:
        ends()
    except FalServerlessError as error:
        return [str(error), echo("still there")]
    return None


json.dump(RESULTS, sys.stdout)
