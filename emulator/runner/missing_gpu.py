"""Says so, at the user's own line, when code needs a GPU that the app asks for and this machine has not."""

import importlib.util
import re
import sys

from _windtunnel import user_errors

_asked = None

# What CUDA libraries say of a machine without one: torch, onnxruntime, cupy, jax, ctypes.
_WORDS = re.compile(r"CUDA|cuDNN|libcuda|NVIDIA|nvidia-smi|no GPU|CUDAExecutionProvider")


class NoGpu(AssertionError, RuntimeError):
    """What torch raises without CUDA is one or the other, by its build: code that catches either goes on to do so."""


def install(asked):
    """`asked` is the machine type with a GPU that the app asks for, None where it got one or asks for none."""
    global _asked
    if not asked:
        return
    _asked = asked
    sys.meta_path.insert(0, _TorchFinder())


def choices():
    """What is missing, and the ways out.

    Without the word that torch's module is named by: the SDK takes a RuntimeError that has it for a broken GPU, whose
    request is tried again on a fresh runner (fal/exceptions/gpu.py).
    """
    return (
        "this machine has no GPU that the app can reach, and it asks for %s. Choose the CPU in the code where no GPU is "
        "available, use a machine with one (DOCKER_HOST leads --engine docker to another), or deploy it." % _asked
    )


def explain(failure):
    """The description of an error, with the choices where its cause is the missing GPU."""
    if _asked is None or choices() in failure["message"] or not _WORDS.search(failure["message"]):
        return failure
    return dict(failure, message="%s (%s)" % (failure["message"], choices().rstrip(".")))


def _place():
    """`app.py:23` of the innermost frame that is the user's."""
    frame = sys._getframe(1)
    while frame is not None:
        if user_errors.is_user_file(frame.f_code.co_filename):
            return "%s:%d" % (frame.f_code.co_filename.rpartition("/")[2], frame.f_lineno)
        frame = frame.f_back
    return "the app"


def _refuse(*_args, **_kwargs):
    raise NoGpu("%s needs a GPU: %s" % (_place(), choices()))


class _TorchFinder:
    """Wraps torch.cuda when, and if, the app imports it: all that needs a device ends in its _lazy_init."""

    def find_spec(self, name, path=None, target=None):
        if name != "torch.cuda":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                if hasattr(module, "_lazy_init"):
                    module._lazy_init = _refuse

            spec.loader.exec_module = exec_module
        return spec
