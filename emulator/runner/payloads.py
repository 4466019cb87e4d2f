"""Makes the callable that runs the app from each kind of payload."""

import importlib
import os
import sys
import types

from _windtunnel import import_guard

# The name under which `fal deploy` runs the file (runpy.run_path), and which pickled functions keep on the runner.
MODULE_NAME = "<run_path>"


class NotServable(Exception):
    """The symbol is no app that answers HTTP."""


def load(payload):
    """Import what is to run; return a callable whose result is awaited if it can be."""
    return {"source": _source, "pickle": _pickle, "entrypoint": _entrypoint}[payload["kind"]](payload)


def _source(payload):
    guard = import_guard.ImportGuard(payload["roots"], payload["modules"], payload["files"])
    sys.meta_path.insert(0, guard)
    # Appended, as the SDK does with the folder of the deploy: installed packages win.
    sys.path.extend(payload["roots"])
    module = run_file(payload["file"])
    function = _servable(find(module, payload["symbol"]))
    try:
        import_guard.check(guard, function)
    except import_guard.UnshippedImport as error:
        raise _placed(error) from None
    guard.start_serving()
    # A runner that has app_files has their folder, and the app's own in it, on its path (fal/app_files.py).
    sys.path.extend(os.path.abspath(folder) for folder in dict.fromkeys(payload["workPath"]))
    return function


def _pickle(payload):
    import cloudpickle

    with open(payload["file"], "rb") as file:
        return cloudpickle.loads(file.read())


def _entrypoint(payload):
    module, _, symbol = payload["entrypoint"].partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    target = importlib.import_module(module)
    for part in symbol.split("."):
        target = getattr(target, part)
    # What the SDK registers is App.run_local itself: it builds and serves the app.
    return _servable(target) if isinstance(target, type) or not callable(target) else target


def run_file(path):
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    module = types.ModuleType(MODULE_NAME)
    module.__file__ = path
    module.__package__ = ""
    # Kept, unlike runpy does: pydantic and dataclasses look types up by module.
    sys.modules[MODULE_NAME] = module
    exec(code, module.__dict__)  # noqa: S102 - running the user's file is what we are for
    return module


def find(module, symbol):
    try:
        return getattr(module, symbol)
    except AttributeError:
        raise NotServable("%s has no %s" % (module.__file__, symbol)) from None


def _servable(target):
    """What the SDK would run of a fal.App class or a fal.function."""
    from fal.api import IsolatedFunction
    from fal.app import App, wrap_app

    if isinstance(target, type) and issubclass(target, App):
        return wrap_app(target).raw_func
    if isinstance(target, IsolatedFunction):
        options = target.options
        if not options.gateway.get("serve") and options.gateway.get("exposed_port") is None:
            raise NotServable(
                "%s is a fal.function without serve=True or exposed_port: it answers no requests"
                % getattr(target.raw_func, "__name__", "it")
            )
        return target.func
    raise NotServable("%r is neither a fal.App nor a fal.function" % (target,))


def _placed(error):
    """The error with the user's import statement as its traceback."""
    if error.importer is None:
        return error
    file, line, name = error.importer
    code = compile("\n" * (line - 1) + "raise error", file, "exec")
    if hasattr(code, "replace"):
        code = code.replace(co_name=name)
    try:
        exec(code, {"error": error})  # noqa: S102 - a frame at that line, so that the error points to it
    except import_guard.UnshippedImport as placed:
        return placed
    return error
