"""Harness: runs a fal app by the SDK's own serve(), bound where we say. The agent starts it."""

import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
if "_windtunnel" not in sys.modules:
    _package = types.ModuleType("_windtunnel")
    _package.__path__ = [HERE]
    sys.modules["_windtunnel"] = _package


class Starting:
    """Tells the emulator where the start stands, and its end once."""

    def __init__(self, control):
        self._control = control
        self._done = False
        self._told = False

    @property
    def told(self):
        """The app has failed, and the emulator knows why."""
        return self._told

    def importing(self):
        self._control.state(phase="importing", pythonVersion="%d.%d.%d" % sys.version_info[:3])

    def setup(self):
        import gc

        # What was imported stays: 64 requests at once have the collector look through all of it every 200 requests,
        # which takes as long as a third of the SDK's own work. What setup() makes is collected as ever: models are swapped.
        gc.freeze()
        self._control.state(phase="setup")

    def ready(self):
        self._done = True
        self._control.state(phase="ready", listen="socket", falVersion=_fal_version())

    def failed(self, stage, error):
        """`error` ended the start, or the app after it was ready. Only the first counts: uvicorn exits for a reason."""
        from _windtunnel import missing_gpu, user_errors

        if self._told:
            return
        self._told = True
        stage = "serving" if self._done else stage
        self._control.state(phase="failed", stage=stage, **missing_gpu.explain(user_errors.describe(error)))


def _fal_version():
    """Version of the SDK that the app runs with; a pickle brings its own by value, and then nothing is installed."""
    try:
        from importlib.metadata import version

        return version("fal")
    except Exception:  # noqa: BLE001 - absent or broken metadata is no reason to fail a runner
        return ""


def _install_hook(config, logs, starting):
    """After the user's module, so that a uvicorn that it has not installed is its own error; it is loaded by now."""
    from _windtunnel import uvicorn_hook

    try:
        import uvicorn  # noqa: F401 - only whether it is there
    except ImportError:
        # A server of the app's own, which binds its port itself.
        if config["payload"]["kind"] == "pickle":
            return
        raise
    uvicorn_hook.install(config["dir"], config["secret"], config["header"], logs, starting)


def main():
    import asyncio
    import faulthandler
    import inspect
    import json
    import signal

    from _windtunnel import debugging, missing_gpu, payloads
    from _windtunnel.control import Control
    from _windtunnel.log_context import LogContext

    control = Control(int(os.environ.pop("WINDTUNNEL_CONTROL")))
    config = json.loads(control.configuration().decode("utf-8"))
    spare = config["payload"]["kind"] == "spare"
    # Before a line of the user's runs, so that a breakpoint at the top of the module is hit.
    debugging.prepare(config["debugger"], control)
    if not spare:
        control.watch_agent(debugging.attach)
    # A crash of native code prints the Python stacks; by descriptor, for our stderr is no file.
    faulthandler.enable(file=2)
    logs = LogContext(control)
    logs.install()
    starting = Starting(control)
    missing_gpu.install(os.environ.pop("WINDTUNNEL_GPU", None))
    # Until uvicorn takes the signal (a long import, a hanging setup) TERM ends the process as it does in production.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # python put this folder first; its module names are not the app's business.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    if spare:
        from _windtunnel import ahead

        config = ahead.wait(control)
        control.watch_agent(debugging.attach)

    starting.importing()
    try:
        if config["payload"]["kind"] == "calls":
            from _windtunnel import calls  # Not for every app: its HTTP server is a third of the harness's own start.

            run = calls.server(config, logs, starting)
        else:
            run = payloads.load(config["payload"])
            _install_hook(config, logs, starting)
    except BaseException as error:  # noqa: BLE001 - SystemExit of a module is its author's error too
        starting.failed("importing", error)
        logs.flush_all()
        os._exit(1)
    try:
        result = run()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    except BaseException as error:  # noqa: BLE001 - whatever ends the app is told before the process ends
        starting.failed("setup", error)
        logs.flush_all()
        code = error.code if isinstance(error, SystemExit) else 1
        # Worker threads of a loop that was torn down wait for ever, and a plain exit would wait for them.
        os._exit(code if isinstance(code, int) else 1)
    logs.flush_all()


if __name__ == "__main__":  # multiprocessing's spawn imports this file again in every child
    main()
