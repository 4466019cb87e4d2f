"""Serves the trivial app by the SDK alone, with nothing of Windtunnel: what the emulator's figures are compared with.

    python bare.py FOLDER      listens on FOLDER/app.sock
"""

import asyncio
import os
import sys
from pathlib import Path

import uvicorn

configure = uvicorn.Config.__init__


def on_a_socket(self, app, **options):
    # The SDK binds 0.0.0.0:8080 and :9090. A runner is reached by a unix socket, and so is this.
    del options["host"], options["port"]
    name = "app.sock" if any(getattr(route, "path", "") == "/health" for route in app.routes) else "metrics.sock"
    configure(self, app, **{**options, "uds": os.path.join(sys.argv[1], name)})


uvicorn.Config.__init__ = on_a_socket
os.environ["IS_ISOLATE_AGENT"] = "1"
sys.path.insert(0, str(Path(__file__).with_name("apps")))

from echo import Echo  # noqa: E402

asyncio.run(Echo().serve())
