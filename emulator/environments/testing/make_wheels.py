"""Writes tiny wheels into the folder argv[1]: an index of its own, so that builds in tests need no network."""

import sys
import zipfile
from pathlib import Path

# name, version, requirements
PACKAGES = [
    ("fal", "1.83.0", []),
    ("fal", "1.80.0", []),
    ("fastapi", "0.136.0", []),
    ("pydantic", "2.14.0", []),
    ("pydantic", "2.10.0", []),
    ("tblib", "3.1.0", []),
    ("uvicorn", "0.54.0", []),
    ("starlette_exporter", "0.24.0", []),
    ("packaging", "26.0", []),
    ("structlog", "25.0.0", []),
    ("tomli", "2.5.0", []),
    ("tomli_w", "1.2.0", []),
    ("httpx", "0.28.1", []),
    ("websockets", "17.4", []),
    ("msgpack", "1.2.4", []),
    ("tiny", "1.0", []),
    ("tiny", "2.0", []),
    ("wants_tiny2", "1.0", ["tiny==2.0"]),
]


def write(folder, name, version, requires):
    info = "%s-%s.dist-info" % (name, version)
    metadata = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
    metadata += "".join("Requires-Dist: %s\n" % requirement for requirement in requires)
    files = {
        "%s/__init__.py" % name: "VERSION = %r\n" % version,
        "%s/METADATA" % info: metadata,
        "%s/WHEEL" % info: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join("%s,,\n" % path for path in [*files, info + "/RECORD"])
    with zipfile.ZipFile(str(folder / ("%s-%s-py3-none-any.whl" % (name, version))), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(info + "/RECORD", record)


target = Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
for package in PACKAGES:
    write(target, *package)
