"""The source app, run without its platform: what it answers is what the converted one must answer."""

import asyncio
import dataclasses
import importlib
import inspect
import io
import os
import pathlib
import runpy
import sys
import typing

import fastapi
import modal_shared
import modal_standin
import pydantic
import recording_stubs
from recording_stubs import Stub, StubModule, shown


def failed(item):
    """An item with an error is the last that a worker's stream gives, and the whole of its result."""
    return isinstance(item, dict) and bool(item.get("error"))


def finish(value, until=lambda item: False):
    """A result that is ready: awaited, or gone through, as far as an item that ends it."""
    if isinstance(value, Stub):
        return value
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
    def __init__(self, default=..., choices=None, **more):
        self.default, self.choices = default, choices


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
                if getattr(parameter.default, "choices", None) and given[name] not in (*parameter.default.choices, None):
                    raise fastapi.HTTPException(422)
            elif default is not ... and default is not parameter.empty:
                values[name] = default
        output = finish(self.call(**values))
        if self.joined and isinstance(output, list):
            output = "".join(map(str, output))
        return {"output": output}


class Flash:
    """Functions, methods and routes of flash endpoints, called with the input by name."""

    def __init__(self, case):
        class Endpoint:
            def __init__(self, *args, env=None, **options):
                os.environ.update(env or {})

            def __call__(self, made):
                return made

            def __getattr__(self, name):
                return lambda *args, **options: lambda made: made

        for name in ("runpod_flash", "tetra_rp"):
            module(name, **dict.fromkeys(("Endpoint", "remote", "LiveServerless", "LoadBalancer"), Endpoint))
        values = load(case, "flash_source")
        target = values[case["call"]["unit"]]
        self.call = getattr(target(), case["call"]["method"]) if case["call"]["method"] else target

    def answer(self, given):
        return {"output": finish(self.call(**given))}


FILLED_IN = ("Request", "Response", "BackgroundTasks", "WebSocket")


class NotComparedError(Exception):
    """What cannot be called here as its platform does."""


def another_app(function, args, kwargs):
    """A call of another function: recorded, and answered by a stand-in."""
    given = {**(function.owner.given if function.owner else {}), **inspect.signature(function.run).bind(*args, **kwargs).arguments}
    recording_stubs.trace.append(["an app", shown(recording_stubs.sent(given))])
    return Stub("answer of an app")


class Modal:
    """A function, or a method of an object that is started, called with the input by name."""

    def __init__(self, case):
        modal_standin.elsewhere[:] = [another_app]
        made = module("modal", **modal_standin.members())
        made.experimental = module("modal.experimental")
        self.called = case["call"]
        self.parameters = self.called["parameters"]
        self.values = load(case, "modal_source")
        self.unit = self.values[self.called["unit"]]
        self.objects = {}
        if not isinstance(self.unit, (modal_standin.Unit, modal_standin.Function)):
            raise NotComparedError("%s is made in a way of its own" % self.called["unit"])

    def variables(self):
        unit = getattr(self.unit, "unit", None) or self.unit
        return {name: str(value) for name, value in unit.variables.items()}

    def target(self, given):
        """The function to call. Containers live on between calls, one for each set of parameters."""
        if not self.called["method"]:
            if () not in self.objects:
                self.objects[()] = [build() for build in self.unit.unit.image.builds]
            return self.unit
        made = {name: given.pop(name) for name in self.parameters if name in given}
        key = repr(made)
        if key not in self.objects:
            self.objects[key] = self.unit(**made)
        return getattr(self.objects[key], self.called["method"])

    def start(self):
        """What is done before the first request: all, where objects are made without parameters."""
        if not self.parameters:
            function = self.target({})
            if function.owner is not None:
                function.owner.start()

    def answer(self, given):
        given = {name: content(value) for name, value in given.items()}
        function = self.target(given)
        signature = inspect.signature(function.run)
        for name, parameter in signature.parameters.items():
            kind = getattr(parameter.annotation, "__name__", str(parameter.annotation))
            if kind in FILLED_IN or type(parameter.default).__name__ in ("Depends", "Security", "Header", "Cookie"):
                raise NotComparedError("FastAPI fills in %s" % name)
            if type(parameter.default).__module__ == "fastapi.params" and name not in given:
                given[name] = parameter.default.default
        if self.called["names"] is None:
            given = {name: given for name in list(signature.parameters)[:1]}
        if not function.batched:
            given = {name: self.typed(value, signature.parameters.get(name)) for name, value in given.items()}
        return {"output": function.local(**given)}

    def typed(self, value, parameter):
        """A value of JSON as what the function is given: models and dataclasses are made of it."""
        kind = getattr(parameter, "annotation", inspect.Parameter.empty)
        kind = self.values.get(kind, kind) if isinstance(kind, str) else kind
        if isinstance(kind, type) and issubclass(kind, fastapi.UploadFile):
            return kind(io.BytesIO(value), filename="file")
        if isinstance(kind, type) and issubclass(kind, modal_shared.Named):
            return kind(value)
        if kind is inspect.Parameter.empty or isinstance(kind, (str, Stub)):
            return value
        if dataclasses.is_dataclass(kind) and isinstance(value, dict):
            return kind(**value)
        try:
            return pydantic.TypeAdapter(kind).validate_python(value)
        except (pydantic.PydanticUserError, pydantic.PydanticSchemaGenerationError):
            return value


def content(value):
    """Files of the input as what Modal's callers give: bytes."""
    if isinstance(value, pathlib.Path):
        return value.read_bytes()
    return [content(item) for item in value] if isinstance(value, list) else value


ORIGINALS = {"runpod": Runpod, "flash": Flash, "cog": Cog, "modal": Modal}
