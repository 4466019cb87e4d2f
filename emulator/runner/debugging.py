"""Debugging: joins the app to debug adapters that the agent started. Does nothing in a runner without a debugger."""

import json
import os
import sys


def prepare(debugger, control):
    """Wait for the first debug client, where the app was started for one, and until it has set its breakpoints."""
    if debugger is None:
        return
    # It would warn of frozen modules of the standard library, which no one debugs here.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    # Last: what the app brings itself comes first.
    sys.path.append(debugger["folder"])
    attach(control.receive())
    import debugpy

    debugpy.wait_for_client()


def attach(message):
    """Connect to the adapter that waits at `message`, a JSON object {host, port}."""
    import debugpy

    address = json.loads(message.decode("utf-8"))
    debugpy.connect((address["host"], address["port"]))
