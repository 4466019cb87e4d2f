"""Stands in for modal, which runs code in its cloud alone: here functions and methods run in this process."""

import asyncio
import inspect
import re
import shlex
import sys
import types

from modal_shared import Dict, Queue, with_aio

# Long: one package of another, whose parts are defined by each other.


class Anything:
    """Volumes, schedules, dictionaries: whatever is asked of them is one more of them."""

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


class Image:
    """An image: the variables that it sets, and the functions that it is built with."""

    def __init__(self, variables=None, builds=()):
        self.variables, self.builds = variables or {}, builds

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self

    def env(self, variables):
        return Image({**self.variables, **variables}, self.builds)

    def dockerfile_commands(self, *lines, **options):
        flat = [line for one in lines for line in ([one] if isinstance(one, str) else one)]
        return self.env(docker_variables("\n".join(flat)))

    def run_function(self, function, args=(), kwargs=None, **options):
        return Image(self.variables, (*self.builds, lambda: finished(function(*args, **(kwargs or {})))))

    def imports(self):
        return Anything()


def docker_variables(text):
    """What the ENV lines of a Dockerfile set, but for values that are made of others."""
    found = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        match = re.match(r"\s*ENV\s+(.*)", line, re.IGNORECASE)
        if not match:
            continue
        words = shlex.split(match[1])
        if "=" not in words[0]:
            words = ["%s=%s" % (words[0], " ".join(words[1:]))]
        found.update(word.split("=", 1) for word in words if "=" in word)
    return {name: value for name, value in found.items() if "$" not in value}


def gpu_config(name):
    """A card as Modal had it before texts did: what code reads of it, and how it is shown."""

    class Config:
        def __init__(self, *, count=1, memory=0, size=None):
            self.count = count
            self.memory = (int(size.replace("GB", "")) if size else memory) or (40 if name == "A100" else 0)

        def __repr__(self):
            return "GPU(%s, count=%d)" % ("%s-%dGB" % (name, self.memory) if self.memory else name, self.count)

    return Config


class Secret:
    def __init__(self, variables=None):
        self.variables = variables or {}

    @classmethod
    def from_dict(cls, variables=None, **options):
        return cls({name: value for name, value in (variables or {}).items() if isinstance(value, str)})

    from_name = from_dotenv = from_local_environ = lookup = classmethod(lambda cls, *args, **options: cls())


def finished(value):
    """The value, out of coroutines and generators."""
    if inspect.iscoroutine(value):
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


def here(function, args, kwargs):
    return function.local(*args, **kwargs)


# The address of any web endpoint.
WEB_URL = "<the address of an app>"

# What a call of another function does, which in Modal's cloud is another container.
elsewhere = [here]


class Function:
    """A function with the calls that Modal gives it."""

    def __init__(self, run, batched=False, owner=None, unit=None):
        self.run, self.batched, self.owner, self.unit = run, batched, owner, unit
        for call in (self._remote, self._remote_gen, self._spawn, self._starmap, self._map, self._for_each):
            setattr(self, call.__name__[1:], with_aio(call))
        self.call = self.remote

    def __call__(self, *args, **kwargs):
        return self.run(*args, **kwargs)

    def local(self, *args, **kwargs):
        if self.owner is not None:
            self.owner.start()
        if self.batched:
            one = finished(self.run(*[[a] for a in args], **{k: [v] for k, v in kwargs.items()}))
            return one[0]
        return finished(self.run(*args, **kwargs))

    def _remote(self, *args, **kwargs):
        if inspect.isgeneratorfunction(self.run) or inspect.isasyncgenfunction(self.run):
            return self._remote_gen(*args, **kwargs)
        return elsewhere[0](self, args, kwargs)

    def _remote_gen(self, *args, **kwargs):
        answer = elsewhere[0](self, args, kwargs)
        yield from answer if isinstance(answer, list) else [answer]

    def _spawn(self, *args, **kwargs):
        return Call(elsewhere[0](self, args, kwargs))

    def _starmap(self, inputs, kwargs=None, **options):
        calls = [self._spawn(*args, **(kwargs or {})) for args in inputs]
        for call in calls:
            yield call.get()

    def _map(self, *inputs, **options):
        return self._starmap(zip(*inputs), **options)

    def _for_each(self, *inputs, ignore_exceptions=False, **options):
        list(self._map(*inputs, **options))

    def with_options(self, **options):
        return self

    @property
    def web_url(self):
        return WEB_URL

    def get_web_url(self):
        return WEB_URL


class Parameter:
    def __init__(self, default=None, init=True):
        self.default = default


class Object:
    """An object of a class. Its methods are functions; in a container it is started by the first of them."""

    def __init__(self, unit, args, kwargs):
        kind = unit.kind
        members = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
        self.made = kind(*args, **kwargs) if "__init__" in vars(kind) else kind()
        parameters = [name for name, value in members.items() if isinstance(value, Parameter)]
        self.given = {**dict(zip(parameters, args)), **kwargs}
        for name in parameters:
            setattr(self.made, name, self.given.get(name, members[name].default))
        self.unit, self.started, self.steps = unit, False, []
        for name, member in members.items():
            what = getattr(member, "modal_mark", None)
            if what in ("build", "enter"):
                snapped = getattr(member, "modal_snap", False)
                self.steps.append(((what != "build", not snapped), getattr(self.made, name)))
            if what == "method":
                function = Function(getattr(self.made, name), getattr(member, "modal_batched", False), self, unit)
                setattr(self, name, function)
                setattr(self.made, name, function)
        self.steps.sort(key=lambda step: step[0])

    def __getattr__(self, name):
        if name in ("made", "steps") or name.startswith("__"):
            raise AttributeError(name)
        self.start()
        return getattr(self.made, name)

    def start(self):
        if self.started:
            return
        for build in self.unit.image.builds:
            build()
        if hasattr(type(self.made), "__enter__"):
            self.made.__enter__()
        # Methods of the class are called by it while it starts.
        self.started = True
        try:
            for _, step in self.steps:
                finished(step())
        except BaseException:
            self.started = False
            raise


class Unit:
    """What a function or class is run with: image and secrets. Calling one of a class gives an object."""

    def __init__(self, kind, app, options):
        self.kind = kind
        self.image = options.get("image") or app.image
        secrets = [*app.secrets, *(options.get("secrets") or []), *([options["secret"]] if options.get("secret") else [])]
        self.variables = {**self.image.variables}
        for secret in secrets:
            self.variables.update(getattr(secret, "variables", None) or {})

    def __call__(self, *args, **kwargs):
        return Object(self, args, kwargs)

    def __getattr__(self, name):
        if name == "kind" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.kind, name)

    def with_options(self, **options):
        return self


def mark(name, **more):
    def decorator(*args, **kwargs):
        def put(function):
            function.modal_mark = name
            for key, value in {**kwargs, **more}.items():
                setattr(function, "modal_" + key, value)
            return function

        return put(args[0]) if args and inspect.isfunction(args[0]) else put

    return decorator


class App:
    def __init__(self, *args, image=None, secrets=(), **kwargs):
        self.image, self.secrets = image or Image(), list(secrets or [])

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def function(self, *args, **kwargs):
        def put(run):
            return Function(run, getattr(run, "modal_batched", False), unit=Unit(run, self, kwargs))

        return put(args[0]) if args and callable(args[0]) else put

    # Names of older versions for functions on the web.
    webhook = web_endpoint = function

    def cls(self, *args, **kwargs):
        def put(kind):
            return Unit(kind, self, kwargs)

        return put(args[0]) if args and callable(args[0]) else put

    def local_entrypoint(self, *args, **kwargs):
        return args[0] if args and callable(args[0]) else lambda run: run

    def run(self):
        return Anything()


def members():
    """What the module has whose calls mean something here."""
    same = lambda *args, **options: lambda kind: kind  # noqa: E731
    found = {"App": App, "Stub": App, "Image": Image(), "Secret": Secret, "parameter": Parameter}
    for name in ("build", "enter", "exit", "method"):
        found[name] = mark(name)
    found["batched"] = mark("method", batched=True)
    found["fastapi_endpoint"] = found["web_endpoint"] = mark("method")
    found["asgi_app"] = found["wsgi_app"] = found["web_server"] = mark("server")
    cards = {name: gpu_config(name) for name in ("T4", "L4", "A10G", "A100", "L40S", "H100", "H200", "B200", "Any")}
    found.update(concurrent=same, is_local=lambda: False, Dict=Dict, Queue=Queue, gpu=types.SimpleNamespace(**cards))
    return found


def install():
    """Puts it where `import modal` finds it."""
    modal = types.ModuleType("modal")
    modal.__dict__.update(members())
    for name in ("Volume", "SharedVolume", "Period", "Cron", "Sandbox"):
        setattr(modal, name, Anything())
    sys.modules["modal"] = modal
