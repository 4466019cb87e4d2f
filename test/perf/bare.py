"""Serves the trivial app by the SDK alone, with nothing of Windtunnel: what the emulator's figures are compared with.

    python bare.py PORT METRICS_PORT
"""

import asyncio
import os
import sys
from pathlib import Path

import uvicorn

configure = uvicorn.Config.__init__


def on_loopback(self, app, **options):
    # The SDK binds 0.0.0.0. The event loop is the one of a runner's environment, which holds fal and no uvloop.
    configure(self, app, **{**options, "host": "127.0.0.1", "loop": "asyncio", "http": "h11"})


uvicorn.Config.__init__ = on_loopback
os.environ["IS_ISOLATE_AGENT"] = "1"
sys.path.insert(0, str(Path(__file__).with_name("apps")))

from echo import Echo  # noqa: E402

asyncio.run(Echo().serve(port=int(sys.argv[1]), metrics_port=int(sys.argv[2])))
