"""Prints the interpreter of the tests' cached virtual environment, building it first where needed.

    python make_venv.py CACHE_DIR [REQUIREMENTS]

The folder's name carries a hash of the pins and of this interpreter. An flock makes concurrent callers share one build,
and the kernel drops it when the builder dies; the marker is written last, so that a broken build is built anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def main(cache: Path, requirements: Path) -> None:
    key = hashlib.sha256()
    key.update(requirements.read_bytes())
    key.update(f"{os.path.realpath(sys.executable)} {sys.version}".encode())
    target = cache / f"venv-{key.hexdigest()[:16]}"
    python = target / "bin" / "python"
    marker = target / ".complete"

    cache.mkdir(parents=True, exist_ok=True)
    with open(f"{target}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(target, ignore_errors=True)
            # Everything but the answer goes to stderr: stdout is the one line that the caller reads.
            run([sys.executable, "-m", "venv", str(target)])
            run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)])
            marker.touch()
    print(python)


def run(command: list) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else REQUIREMENTS)
