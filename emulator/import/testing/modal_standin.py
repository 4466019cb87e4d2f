"""Stands in for modal, which runs code in its cloud alone: here functions and methods run in this process."""

import asyncio
import inspect
import sys
import types


class Anything:
    """Images, volumes, secrets, schedules: whatever is asked of them is one more of them."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __call__(self, *args, **kwargs):
        return Anything()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def finished(value):
    """The value, out of coroutines and generators."""
    if inspect.isawaitable(value):
        return asyncio.run(value)
    if inspect.isasyncgen(value):

        async def collect():
            return [item async for item in value]

        return asyncio.run(collect())
    return list(value) if inspect.isgenerator(value) else value


class Call:
    def __init__(self, value):
        self.value, self.object_id = value, "call"

    def get(self, timeout=None):
        return self.value


class Function:
    """A function with the calls that Modal gives it."""

    def __init__(self, run, batched=False):
        self.run, self.batched = run, batched

    def local(self, *args, **kwargs):
        if self.batched:
            one = finished(self.run(*[[a] for a in args], **{k: [v] for k, v in kwargs.items()}))
            return one[0]
        return finished(self.run(*args, **kwargs))

    remote = call = remote_gen = local

    def spawn(self, *args, **kwargs):
        return Call(self.local(*args, **kwargs))

    def starmap(self, inputs, kwargs=None, **options):
        return (self.local(*args, **(kwargs or {})) for args in inputs)

    def map(self, *inputs, **options):
        return self.starmap(zip(*inputs), **options)


class Parameter:
    def __init__(self, default=None, init=True):
        self.default = default


class Object:
    """An object of a class in a container: started, with its methods as functions."""

    def __init__(self, kind, args, kwargs):
        made = kind(*args, **kwargs) if "__init__" in vars(kind) else kind()
        for name in dir(kind):
            if isinstance(getattr(kind, name), Parameter):
                setattr(made, name, kwargs.get(name, getattr(kind, name).default))
        members = [getattr(made, name) for name in dir(kind) if callable(getattr(kind, name, None))]
        if hasattr(kind, "__enter__"):
            made.__enter__()
        for member in members:
            if getattr(member, "modal_mark", None) == "enter":
                finished(member())
        for member in members:
            if getattr(member, "modal_mark", None) == "method":
                function = Function(member, getattr(member, "modal_batched", False))
                setattr(self, member.__name__, function)
                setattr(made, member.__name__, function)


def mark(name, **more):
    def decorator(*args, **kwargs):
        def put(function):
            function.modal_mark = name
            for key, value in more.items():
                setattr(function, "modal_" + key, value)
            return function

        return put(args[0]) if args and inspect.isfunction(args[0]) else put

    return decorator


class App:
    def __init__(self, *args, **kwargs):
        pass

    def function(self, *args, **kwargs):
        return lambda run: Function(run, getattr(run, "modal_batched", False))

    def cls(self, *args, **kwargs):
        return lambda kind: lambda *given, **named: Object(kind, given, named)

    def local_entrypoint(self, *args, **kwargs):
        return args[0] if args and callable(args[0]) else lambda run: run

    def run(self):
        return Anything()


def install():
    """Puts it where `import modal` finds it."""
    modal = types.ModuleType("modal")
    modal.App = modal.Stub = App
    modal.enter, modal.exit = mark("enter"), mark("exit")
    modal.method, modal.batched = mark("method"), mark("method", batched=True)
    modal.fastapi_endpoint = modal.web_endpoint = mark("method")
    modal.asgi_app = modal.wsgi_app = modal.web_server = mark("server")
    modal.concurrent = lambda **options: lambda kind: kind
    modal.parameter = Parameter
    modal.is_local = lambda: False
    for name in ("Image", "Volume", "SharedVolume", "Secret", "Dict", "Queue", "Period", "Cron", "gpu", "Sandbox"):
        setattr(modal, name, Anything())
    sys.modules["modal"] = modal
