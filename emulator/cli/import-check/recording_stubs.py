"""Stand-ins for every package that is not here: they record what is called on them, in order."""

import base64
import dis
import hashlib
import importlib.abc
import importlib.machinery
import os
import re
import sys
import types

# What a deploying machine has: the standard library, fal, and what fal brings for apps to use.
PRESENT = {"fal", "fal_client", "fastapi", "starlette", "pydantic", "pydantic_core", "typing_extensions"}
# Decorators of the source become with statements, which run at another time: entering them is no step of the work.
# So does what only reads a table: choices are read as the source is loaded, and with each request in the app.
UNRECORDED = re.compile(r"(inference_mode|no_grad|enable_grad|autocast|\.keys|\.values|\.items)\(\)$|^runpod(_flash)?\b|^tetra_rp\b|^cog\b|^modal\b")
SAVES = re.compile(r"\.(save|write|export|imwrite|dump|to_file)\w*$")

trace = []
folders = []
# Where a volume is, at the source and at fal, and one name for both.
places = []


def content_name(content):
    """Files without a name are known by what they hold."""
    return "%d bytes %s" % (len(content), hashlib.sha256(content).hexdigest()[:8])


def sent(arguments):
    """What another app is given, whether its names or one object are sent."""
    values = list(arguments.values()) if isinstance(arguments, dict) else [arguments]
    only = values[0] if len(values) == 1 else None
    if hasattr(only, "model_dump") and not isinstance(only, Stub):
        only = only.model_dump(mode="json")
    return list(only.values()) if isinstance(only, dict) else values


def shown(value, depth=0):
    """A value in the trace: stand-ins by their path, files by their name, the rest by its value."""
    if isinstance(value, Stub):
        return "<%s>" % value.path
    if isinstance(value, os.PathLike):
        return shown(os.fspath(value))
    if isinstance(value, (bytes, bytearray)):
        return content_name(value)
    if isinstance(value, str):
        data = re.match(r"data:[\w/+.-]*;base64,", value)
        if data:
            return content_name(base64.b64decode(value[data.end() :]))
        for folder in folders:
            value = value.replace(folder + "/world/", "/").replace(folder, "<folder>")
        value = re.sub(r"https://fal\.run/local/[\w-]+", "<the address of an app>", value)
        for place, name in places:
            value = re.sub(r"(?<![\w./-])%s(?![\w.-])" % re.escape(place), name, value)
        value = re.sub(r"<[\w.]+\.(\w+) object at 0x[0-9a-f]+>", r"<\1 object>", value)
        value = re.sub(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?", "<a time>", value)
        value = re.sub(r"\btmp[a-z0-9_]{8}(?=$|\W)", "tmp-name", value)
        return re.sub(r"<folder>/(tmp|inputs)/[^\s'\"]*?([^/\s'\"]*)(?=$|[\s'\"])", r"<file>/\2", value)[:300]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, (list, tuple, set, frozenset)) and depth < 4:
        return [shown(item, depth + 1) for item in value]
    if isinstance(value, dict) and depth < 4:
        return {str(key): shown(item, depth + 1) for key, item in value.items()}
    if hasattr(value, "sent"):
        return value.sent()
    return "<%s>" % getattr(value, "__name__", type(value).__name__)


# What code looks at to see whether a request or a program did what it should.
WENT_WELL = {"status_code": 200, "returncode": 0}
UNPACK = dis.opmap["UNPACK_SEQUENCE"]


def wanted(frame):
    """How many values the code that goes through a stand-in takes: `a, b, c = …`; two where it does not say."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at + 1] if code[at] == UNPACK else 2


def content_of(value):
    """What a stand-in holds where bytes are needed."""
    return str.encode(value) if isinstance(value, Stub) else value


class Stub(str):
    """Anything: it has every attribute, can be called, entered, awaited and gone through, and is JSON as its path."""

    def __new__(cls, path):
        made = str.__new__(cls, "<%s>" % path)
        made.__dict__["path"] = path
        return made

    def __getattribute__(self, name):
        if name in ("path", "__dict__", "__class__") or (name.startswith("__") and name.endswith("__")):
            return str.__getattribute__(self, name)
        if name in WENT_WELL:
            return WENT_WELL[name]
        values = str.__getattribute__(self, "__dict__")
        return values[name] if name in values else Stub("%s.%s" % (values["path"], name))

    def __call__(self, *args, **kwargs):
        made = Stub("%s()" % self.path)
        only = args[0] if len(args) == 1 and not kwargs else None
        if isinstance(only, (types.FunctionType, type)) and not isinstance(only, Stub):
            return only
        if not UNRECORDED.search(made.path):
            trace.append([self.path, shown(args), shown(kwargs)])
        if SAVES.search(self.path):
            for target in args:
                if isinstance(target, (str, os.PathLike)) and not isinstance(target, Stub):
                    touch(os.fspath(target))
        return made

    def __mro_entries__(self, bases):
        return (StubBase,)

    def __instancecheck__(self, other):
        return False

    def __subclasscheck__(self, other):
        return False

    def __enter__(self):
        return Stub("%s.entered" % self.path)

    def __exit__(self, *error):
        return False

    async def __aenter__(self):
        return Stub("%s.entered" % self.path)

    async def __aexit__(self, *error):
        return False

    def __await__(self):
        return _awaited(self)

    def __iter__(self):
        return iter([Stub("%s[%d]" % (self.path, index)) for index in range(wanted(sys._getframe(1)))])

    async def __aiter__(self):
        for item in iter(self):
            yield item

    def __getitem__(self, key):
        return Stub("%s[%s]" % (self.path, shown(key)))

    def __setitem__(self, key, value):
        trace.append([self.path + "[]=", shown(key), shown(value)])

    def __setattr__(self, name, value):
        self.__dict__[name] = value

    def __len__(self):
        return 2

    def __bool__(self):
        return True

    def __int__(self):
        return 1

    def __index__(self):
        return 1

    def __float__(self):
        return 1.0

    def __contains__(self, item):
        return False

    def __hash__(self):
        return hash(self.path)

    def __eq__(self, other):
        return isinstance(other, Stub) and other.path == self.path

    def __ne__(self, other):
        return not self == other

    def __fspath__(self):
        return "<%s>" % self.path

    def __reduce__(self):
        return (Stub, (self.path,))


def _awaited(value):
    yield from ()
    return value


def _operator(name):
    def operate(self, *others):
        return Stub("%s.%s(%s)" % (self.path, name.strip("_"), ", ".join(map(str, map(shown, others)))))

    return operate


for _name in "add radd sub rsub mul rmul truediv rtruediv floordiv mod pow matmul or ror and rand neg invert abs round".split():
    setattr(Stub, "__%s__" % _name, _operator(_name))
for _name in "lt le gt ge".split():
    setattr(Stub, "__%s__" % _name, lambda self, other: False)
# str has them as methods that code calls on any object.
for _name in [name for name in dir(str) if not name.startswith("__")]:
    setattr(Stub, _name, property(lambda self, name=_name: Stub("%s.%s" % (self.path, name))))


class StubBase:
    """What a class of the source extends when its base is a stand-in."""

    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub("%s.%s" % (type(self).__name__, name))


class StubModule(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub("%s.%s" % (self.__name__, name))


def touch(path):
    """A file where a stand-in was told to save one, so that what opens it finds it."""
    if not os.path.exists(path) and os.path.isdir(os.path.dirname(path) or "."):
        try:
            with open(path, "w") as file:
                file.write("saved")
        except OSError:
            pass


# What an app's file is called when it is run for a deploy, and so in its pickle.
DEPLOYED = "imported_app"


def importer():
    """File of the code that imports; for an app that was unpickled its module's name."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if "importlib" not in name and name != __file__ and not name.endswith("runpy.py"):
            return frame.f_globals.get("__name__", "") if name.startswith("<") else name
        frame = frame.f_back
    return ""


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a stand-in for what code in the app's folders imports and is neither there nor on a deploying machine."""

    def __init__(self, own, refuse=False):
        self.own = own
        self.refuse = refuse

    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in PRESENT:
            return None
        if isinstance(sys.modules.get(top), StubModule):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        if not any(importer().startswith(folder) for folder in self.own):
            return None
        if self.refuse:
            raise ImportError("%s is imported where the app is deployed" % name)
        if any(os.path.exists(os.path.join(at, top + end)) for at in sys.path[:3] for end in (".py", "")):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StubModule(spec.name)

    def exec_module(self, module):
        pass
