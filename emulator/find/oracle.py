"""Imports the files named on the command line with the real SDK and prints what it makes of them, as JSON."""

import dataclasses
import inspect
import json
import runpy
import sys

import fal
from fal.api import IsolatedFunction
from fal.app import wrap_app


def endpoints_of(cls):
    app = cls(_allow_init=True)
    routes = app.collect_routes()
    names = {}
    for name, method in inspect.getmembers(app, inspect.ismethod):
        names.setdefault(getattr(method, "route_signature", None), name)
    return [
        {
            "path": signature.path,
            "method": names[signature],
            "kind": "realtime"
            if signature.realtime_mode
            else "websocket"
            if signature.is_websocket
            else "http",
            "healthCheck": signature.health_check is not None,
        }
        for signature in routes
    ]


def plain(value):
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not hasattr(value, "to_dict"):
        return dataclasses.asdict(value)
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return plain(value.to_dict()) if hasattr(value, "to_dict") else None


def options_of(isolated):
    merged = {**isolated.options.host, **isolated.options.environment, **isolated.options.gateway}
    return {key: plain(value) for key, value in merged.items() if key != "metadata"}


def read(path):
    found = {}
    for symbol, value in runpy.run_path(path).items():
        if isinstance(value, type) and issubclass(value, fal.App) and value is not fal.App:
            if value.__name__ != symbol:
                continue
            found[symbol] = {
                "kind": "app",
                "name": value.app_name,
                "auth": value.app_auth,
                "endpoints": endpoints_of(value),
                "options": options_of(wrap_app(value)),
                "requirements": plain(value.requirements),
                "local_python_modules": value.local_python_modules,
            }
        elif isinstance(value, IsolatedFunction):
            options = options_of(value)
            found[symbol] = {
                "kind": "function",
                "name": symbol,
                "auth": None,
                "endpoints": [{"path": "/", "method": symbol, "kind": "http", "healthCheck": False}]
                if options.get("serve")
                else [],
                "options": options,
                "requirements": None,
                "local_python_modules": [],
            }
    return found


sys.stdout.write("\n" + json.dumps({path: read(path) for path in sys.argv[1:]}))
