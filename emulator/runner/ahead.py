"""A runner that is started ahead: it imports what every deployed app imports, and waits to hear which app it is."""

import importlib
import json
import os

# What the SDK's own part of a pickled fal.App imports before the first line of the user's setup(): nothing that the app
# would not import anyway, and nothing of `fal`, which comes with the pickle.
MODULES = (
    "asyncio",
    "cloudpickle",
    "concurrent.futures.thread",
    "fastapi",
    "fastapi.middleware.cors",
    "grpc",
    "prometheus_client",
    "starlette_exporter",
    "structlog",
    "tblib.pickling_support",
    "uvicorn",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)


def wait(control):
    """Import, then return the configuration of the app, its variables set."""
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # Not brought by this version of the SDK; or the app's own import will say what is wrong.
    _make_route()
    order = json.loads(control.receive().decode("utf-8"))
    os.environ.update(order.pop("env"))
    return order


def _make_route():
    """FastAPI imports some more for the first route of an app."""
    try:
        from fastapi import FastAPI
    except ImportError:
        return
    FastAPI().add_api_route("/", _nothing)


async def _nothing(body: dict) -> dict:
    """An endpoint that nobody calls."""
    return body
