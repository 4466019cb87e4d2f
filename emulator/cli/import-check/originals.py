"""The source app, run without its platform: what it answers is what the converted one must answer."""

import asyncio
import importlib
import inspect
import io
import os
import pathlib
import runpy
import sys
import typing

import pydantic
from recording_stubs import StubModule


def failed(item):
    """An item with an error is the last that a worker's stream gives, and the whole of its result."""
    return isinstance(item, dict) and bool(item.get("error"))


def finish(value, until=lambda item: False):
    """A result that is ready: awaited, or gone through, as far as an item that ends it."""
    if inspect.isasyncgen(value):

        async def collect():
            items = []
            async for item in value:
                if until(item):
                    return item
                items.append(item)
            return items

        return asyncio.run(collect())
    if inspect.isawaitable(value):

        async def wait():
            return await value

        return asyncio.run(wait())
    if not inspect.isgenerator(value):
        return value
    items = []
    for item in value:
        if until(item):
            return item
        items.append(item)
    return items


def module(name, **members):
    made = StubModule(name)
    made.__dict__.update(members)
    sys.modules[name] = made
    return made


def load(case, run_name):
    file = os.path.join(case["source"], case["entry"])
    sys.argv = [file]
    return runpy.run_path(file, run_name=run_name)


class Runpod:
    """A worker: the handler that it starts, called as its own loop does."""

    def __init__(self, case):
        started = []
        serverless = module("runpod.serverless", start=started.append, progress_update=lambda job, progress: None)
        module("runpod", serverless=serverless)
        module("runpod.serverless.utils")
        if case["tools"] is not None:
            # The helpers that the converted app uses, whose own test compares them with the platform's.
            sys.path.append(case["tools"])
            tools = importlib.import_module("worker_tools")
            for name in ("rp_validator", "rp_download", "rp_upload", "rp_cleanup", "rp_cuda", "rp_debugger"):
                if hasattr(tools, name):
                    setattr(sys.modules["runpod.serverless.utils"], name, getattr(tools, name))
                    module("runpod.serverless.utils." + name, **vars(getattr(tools, name)))
        load(case, "__main__")
        if not started:
            raise RuntimeError("the worker did not start its handler")
        self.handler = started[-1]["handler"]

    def answer(self, given):
        output = finish(self.handler({"id": "check", "input": given}), until=failed)
        if isinstance(output, dict):
            output = dict(output)
            output.pop("refresh_worker", None)
            error = output.pop("error", None)
            if error:
                return {"error": error}
        return {"output": output}


class Field:
    def __init__(self, default=..., **more):
        self.default = default


class Cog:
    """A model: setup, then predict with the inputs by name, defaults filled in and files as paths."""

    def __init__(self, case):
        scope = type("Scope", (), {"context": {}, "record_metric": lambda self, *args, **kwargs: None})
        same = lambda *args, **kwargs: args[0] if args and callable(args[0]) else (lambda made: made)  # noqa: E731
        base = type("BasePredictor", (), {})
        members = {
            "BasePredictor": base,
            "BaseRunner": base,
            "Input": Field,
            "Path": pathlib.Path,
            "URLPath": pathlib.Path,
            "Weights": pathlib.Path,
            "File": io.IOBase,
            "Secret": pydantic.SecretStr,
            "BaseModel": pydantic.BaseModel,
            "ConcatenateIterator": typing.Iterator,
            "AsyncConcatenateIterator": typing.AsyncIterator,
            "CancelationException": type("CancelationException", (BaseException,), {}),
            "ExperimentalFeatureWarning": type("ExperimentalFeatureWarning", (FutureWarning,), {}),
            "current_scope": scope,
            "emit_metric": lambda *args: None,
            "streaming": same,
            "concurrent": same,
            "__version__": "0",
        }
        module("cog", **members)
        for name in ("types", "model", "input", "predictor"):
            module("cog." + name, **members)
        values = load(case, "predictor")
        found = values[case["symbol"]]
        if isinstance(found, type):
            found = found()
            if hasattr(found, "setup"):
                takes = len(inspect.signature(found.setup).parameters)
                finish(found.setup(*[None] * min(takes, 1)))
            self.call = getattr(found, "predict", None) or found.run
        else:
            self.call = found
        self.joined = case["streams"] == "joined"

    def answer(self, given):
        values = {}
        for name, parameter in inspect.signature(self.call).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default = parameter.default.default if isinstance(parameter.default, Field) else parameter.default
            if name in given:
                values[name] = given[name]
            elif default is not ... and default is not parameter.empty:
                values[name] = default
        output = finish(self.call(**values))
        if self.joined and isinstance(output, list):
            output = "".join(map(str, output))
        return {"output": output}


ORIGINALS = {"runpod": Runpod, "cog": Cog}
