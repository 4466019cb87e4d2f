"""Debugging: joins the app to debug adapters that the agent started. Does nothing in a runner without a debugger."""

import json
import os
import sys
import time

# pydevd waits at most half a second for each of its steps.
TAKE_DOWN_SECONDS = 10


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

    end_last_session()
    # Without this each Python child connects to the adapter too, and waits for a client of its own that nobody is.
    debugpy.configure(subProcess=False)
    address = json.loads(message.decode("utf-8"))
    debugpy.connect((address["host"], address["port"]))


def end_last_session():
    """Wait until the session of a client that has left is taken down.

    pydevd does that in a thread of its own. To a connect meanwhile it says nothing and does not connect (pydevd.py,
    _locked_settrace), so that the new client would wait for ever.
    """
    pydevd = sys.modules.get("pydevd")
    if pydevd is None:
        return
    give_up_at = time.monotonic() + TAKE_DOWN_SECONDS
    if pydevd.get_global_debugger() is not None:
        pydevd.stoptrace()
    while pydevd.get_global_debugger() is not None and time.monotonic() < give_up_at:
        time.sleep(0.02)
