"""A step in a process of its own, forked from this one."""

import json
import os
import signal
import sys
import traceback

SECONDS = 60


def in_child(step, case):
    """The step's result, or {"failed": why}. What it prints goes nowhere."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        sys.stdin.close()
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.alarm(SECONDS)
        try:
            result = step(case)
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            result = {"failed": "%s: %s (line %s of %s)" % (type(error).__name__, error, last.lineno, os.path.basename(last.filename))}
        with os.fdopen(into, "w") as pipe:
            json.dump(result, pipe, default=str)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if text == "":
        return {"failed": "no answer in %d s" % SECONDS if os.WIFSIGNALED(status) else "the process ended"}
    return json.loads(text)
