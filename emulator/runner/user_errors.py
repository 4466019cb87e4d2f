"""The user's own traceback: their files as they know them, and none of our frames."""

import os
import site
import sysconfig
import traceback

HARNESS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _library_roots():
    roots = {HARNESS}
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        roots.add(os.path.realpath(sysconfig.get_paths()[name]) + os.sep)
    for path in site.getsitepackages():
        roots.add(os.path.realpath(path) + os.sep)
    return tuple(roots)


def is_user_file(filename):
    """True for a file that is neither the standard library's, nor an installed package's, nor ours."""
    if filename.startswith("<"):
        return filename == "<run_path>"
    path = os.path.realpath(filename)
    return not path.startswith(_library_roots()) and (os.sep + "site-packages" + os.sep) not in path


def describe(error):
    """{type, message, file, line, traceback} of an exception, JSON-ready."""
    whole = traceback.TracebackException.from_exception(error)
    _trim(whole, set())
    file, line = _place(whole)
    name = type(error).__name__
    text = str(error).strip().split("\n")[0]
    if isinstance(error, SyntaxError):
        text = error.msg
    elif isinstance(error, SystemExit):
        text = "sys.exit(%s) was called" % ("" if error.code is None else repr(error.code))
    return {
        "type": name,
        "message": text,
        "file": file,
        "line": line,
        "traceback": "".join(whole.format()).rstrip("\n"),
    }


def _trim(whole, seen):
    """Cut what stands above the first frame of the user, in the error and in all that it was raised from."""
    if whole is None or id(whole) in seen:
        return
    seen.add(id(whole))
    frames = list(whole.stack)
    first = next((i for i, frame in enumerate(frames) if is_user_file(frame.filename)), None)
    kept = frames[first:] if first is not None else [f for f in frames if not f.filename.startswith(HARNESS)]
    # Between the user's import statement and the imported file stand the import system's own frames, and our guard's.
    kept = [f for f in kept if not f.filename.startswith(("<frozen importlib", HARNESS))]
    whole.stack[:] = kept
    _trim(whole.__cause__, seen)
    _trim(whole.__context__, seen)


def _place(whole):
    if getattr(whole, "lineno", None) is not None and whole.filename:
        return whole.filename, int(whole.lineno)
    for frame in reversed(whole.stack):
        if is_user_file(frame.filename):
            return frame.filename, frame.lineno
    return None, None
