"""Answers for each base64 line whether Python compiles it: 1 or 0."""

import base64
import sys
import warnings

warnings.simplefilter("ignore")
for line in sys.stdin:
    try:
        compile(base64.b64decode(line), "worker.py", "exec")
        print(1)
    except (SyntaxError, ValueError):
        print(0)
