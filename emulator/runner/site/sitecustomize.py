"""On PYTHONPATH of a runner, alone in its folder: every Python in it, children too, gets the shim before user code."""

import importlib.util
import os
import sys


def _install_shim():
    out = os.environ.get("WINDTUNNEL_OUT")
    if not out:
        return
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location("_windtunnel_shim", os.path.join(os.path.dirname(here), "shim.py"))
    shim = importlib.util.module_from_spec(spec)
    sys.modules["_windtunnel_shim"] = shim
    spec.loader.exec_module(shim)
    exact = [host for host in os.environ.get("WINDTUNNEL_GATEWAY", "").split(",") if host]
    hosts = [host for host in os.environ.get("WINDTUNNEL_HOSTS", "").split(",") if host]
    shim.install(out, hosts, exact)


def _chain():
    """Run the sitecustomize that ours hides: a distribution or a company may have one."""
    here = os.path.dirname(os.path.abspath(__file__))
    for entry in sys.path:
        path = os.path.join(entry, "sitecustomize.py")
        if os.path.abspath(entry) != here and os.path.isfile(path):
            spec = importlib.util.spec_from_file_location("sitecustomize", path)
            module = importlib.util.module_from_spec(spec)
            sys.modules["sitecustomize"] = module
            spec.loader.exec_module(module)
            return


_install_shim()
_chain()
