"""An app that the SDK has loaded, as data: its settings, what its pickle needs, what its code is."""

import hashlib
import os
import pickletools
import re
import sys

# Packages that the server side adds to every environment, beside the SDK's SERVE_REQUIREMENTS. Source: fal 1.83, isolate 0.26.
ALWAYS = {"isolate", "cloudpickle", "grpcio", "tblib", "websockets", "msgpack"}
# What the SDK adds to an app with a realtime endpoint.
REALTIME = {"websockets", "msgpack"}


def plain(value):
    """JSON-ready form of a value of the SDK."""
    for method in ("to_dict", "model_dump", "_asdict"):
        if hasattr(value, method) and not isinstance(value, type):
            return plain(getattr(value, method)())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def describe(loaded):
    options = loaded.function.options
    host, environment = options.host, options.environment
    layers = environment.get("requirements") or []
    layers = layers if layers and isinstance(layers[0], list) else [layers]
    image = environment.get("image")
    health = host.get("health_check_config")
    return {
        "auth": loaded.app_auth,
        "kind": "container" if image else environment.get("kind") or "virtualenv",
        "pythonVersion": environment.get("python_version"),
        "requirements": [name for layer in layers for name in own(layer)],
        "image": plain(image),
        "host": {key: plain(value) for key, value in host.items() if not key.startswith("_")},
        "secrets": plain(host.get("secrets")),
        "health": {"path": health.path, "method": getattr(health, "method", None) or "GET"} if health else None,
    }


def own(layer):
    """Without those that the SDK adds for its server."""
    from fal.api.api import SERVE_REQUIREMENTS

    return [name for name in layer if name not in SERVE_REQUIREMENTS and name not in REALTIME]


def pickled(function, requirements, folder):
    """Size of the pickle, and what it takes from a runner that will not have it: files of the project, installed packages."""
    if function is None:
        return {"bytes": 0, "local": [], "packages": []}
    import cloudpickle
    import fal.sdk  # noqa: F401 - its serializers

    try:
        blob = cloudpickle.dumps(function)
    except Exception as error:  # noqa: BLE001 - whatever an object of the user raises
        return {"error": "%s: %s" % (type(error).__name__, error), "culprits": culprits(function)}
    needed = sorted(referenced(blob))
    local = {name: sys.modules[name].__file__ for name in needed if is_local(name, folder)}
    there = brought_by(requirements)
    absent = {name: found for name in needed if name not in local and (found := packages_of(name)) and not there & set(found)}
    return {
        "bytes": len(blob),
        "local": [{"module": name, "file": file} for name, file in local.items()],
        "packages": [{"module": name, "packages": found} for name, found in absent.items()],
    }


def culprits(function):
    """Names of the module that cannot be pickled by themselves."""
    import cloudpickle

    found = []
    names = getattr(getattr(function, "func", function), "__globals__", {})
    for name, value in list(names.items()):
        if name.startswith("__"):
            continue
        try:
            cloudpickle.dumps(value)
        except Exception as error:  # noqa: BLE001
            found.append("%s (%s): %s" % (name, type(value).__name__, error))
    return found[:5]


def referenced(blob):
    """Top modules that unpickling imports. cloudpickle names a whole module in a string before its `subimport`."""
    found, strings = set(), []
    for opcode, argument, _ in pickletools.genops(blob):
        if opcode.name == "GLOBAL":
            found.add(str(argument).split(" ")[0].split(".")[0])
        elif opcode.name == "STACK_GLOBAL" and len(strings) >= 2:
            found.add(strings[-2].split(".")[0])
        if isinstance(argument, str):
            strings.append(argument)
            if argument.split(".")[0] in sys.modules and argument in sys.modules:
                found.add(argument.split(".")[0])
    by_value = __import__("cloudpickle").cloudpickle._PICKLE_BY_VALUE_MODULES
    return {name for name in found if name in sys.modules and name not in by_value}


def is_local(name, folder):
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    below = os.path.realpath(file).startswith(os.path.realpath(folder) + os.sep)
    return below and "site-packages" not in file and name != "__main__"


def packages_of(name):
    """Distributions that a module comes from; none for the standard library and what goes by value."""
    from importlib.metadata import packages_distributions

    if name in sys.stdlib_module_names or name == "fal":
        return []
    return [normal(dist) for dist in packages_distributions().get(name, [])]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def brought_by(requirements):
    """Distributions that these, and what every environment has, bring; as far as they are installed here."""
    from importlib.metadata import PackageNotFoundError, requires

    from fal.api.api import SERVE_REQUIREMENTS

    waiting = [normal(name_of(one)) for one in [*SERVE_REQUIREMENTS, *ALWAYS, *requirements]]
    found = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            listed = requires(name) or []
        except PackageNotFoundError:
            continue
        waiting += [normal(name_of(one)) for one in listed if "extra ==" not in one]
    return found


def name_of(requirement):
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return match.group(1) if match else ""


def code(loaded, file, modules):
    """Digest of each file that is sent: the module, its local modules and app_files. Text of the first."""
    files = {os.path.basename(file): file}
    folder = os.path.dirname(os.path.realpath(file))
    for name in modules:
        path = getattr(sys.modules.get(name), "__file__", None)
        if path and is_local(name, folder):
            files[os.path.relpath(os.path.realpath(path), folder)] = path
    for pattern in loaded.function.options.host.get("app_files") or []:
        start = os.path.join(folder, pattern)
        for path in walk(start):
            files[os.path.relpath(path, folder)] = path
    digests = {name: digest(path) for name, path in sorted(files.items())}
    whole = hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()
    return {"digest": whole, "files": digests, "main": os.path.basename(file), "text": loaded.source_code or ""}


# A model beside the app is named by its size and time: reading gigabytes for a comparison is not worth it.
LARGE = 64 * 1024 * 1024
MOST_FILES = 5000


def walk(start):
    if os.path.isfile(start):
        yield start
        return
    count = 0
    for folder, folders, names in os.walk(start):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__", "node_modules", ".venv")]
        for name in names:
            count += 1
            if count > MOST_FILES:
                return
            if not name.endswith(".pyc"):
                yield os.path.join(folder, name)


def digest(path):
    size = os.path.getsize(path)
    if size > LARGE:
        return "size %d, time %d" % (size, int(os.path.getmtime(path)))
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
