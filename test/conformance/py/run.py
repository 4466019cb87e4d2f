"""`python run.py 1 2 8`: runs these cases one after another; one JSON line a case on stdout."""

import json
import sys
import time
import traceback

import live_cases  # noqa: F401  registers its cases
import retry_cases  # noqa: F401 - registers its cases
from cases import CASES


def main():
    for item in sys.argv[1:]:
        started = time.monotonic()
        error = None
        try:
            CASES[item]()
        except KeyError as e:
            error = traceback.format_exc() if item in CASES else f"no Python case {e}"
        except BaseException:
            error = traceback.format_exc()
        ms = round((time.monotonic() - started) * 1000)
        print(json.dumps({"item": item, "ok": error is None, "error": error, "ms": ms}), flush=True)


if __name__ == "__main__":
    main()
