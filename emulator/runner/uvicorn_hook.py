"""Leads the two servers that the SDK's serve() makes to our unix sockets, with a switch before the app.

Only uvicorn.Config and Server.startup are wrapped, in place: the SDK holds the class by name and subclasses it. A
uvicorn server of the user's own is left alone.
"""

import hmac
import logging
import os
import sys

REQUEST_ID = b"x-fal-request-id"
# RUNNER_PROBE_MARK of the emulator.
PROBE_MARK = b" probe"


class Switch:
    """ASGI application before the app: secret, client address, log context, states of the start."""

    def __init__(self, app, secret, header, logs=None, starting=None):
        self._app = app
        self._secret = secret.encode("ascii")
        self._probe = self._secret + PROBE_MARK
        self._header = header.encode("ascii")
        self._logs = logs
        self._starting = starting
        self._leaving = False

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        headers, secrets, request = [], [], None
        for name, value in scope["headers"]:
            lower = name.lower()
            if lower == self._header:
                secrets.append(value)
                continue
            if lower == REQUEST_ID:
                request = value.decode("latin-1")
            headers.append((name, value))
        if len(secrets) != 1 or not hmac.compare_digest(secrets[0], self._secret):
            if scope["type"] == "http" and len(secrets) == 1 and hmac.compare_digest(secrets[0], self._probe):
                await _answer(send, 503 if self._leaving else 204)
            else:
                await _refuse(scope, send)
            return
        # A unix socket has no client address; apps read request.client.host. In place: what wraps us reads it as well.
        scope.update(headers=headers, client=scope.get("client") or ("127.0.0.1", 0), server=("0.0.0.0", 8080))
        if self._logs is None or request is None:
            await self._app(scope, receive, send)
            return
        token = self._logs.enter(request)
        try:
            await self._app(scope, receive, send)
        except (SystemExit, KeyboardInterrupt):
            # It ends the loop and with it the process, and meanwhile connections are still taken.
            self._leaving = True
            raise
        finally:
            self._logs.leave(request, token)

    async def _lifespan(self, scope, receive, send):
        if self._starting is not None:
            self._starting.setup()

        async def tell(message):
            if self._logs is None or message["type"] != "lifespan.startup.failed":
                await send(message)
                return
            # uvicorn prints the traceback in it, which `failed` below tells without the frames that are not the user's.
            with self._logs.own_words():
                await send(message)

        try:
            await self._app(scope, receive, tell)
        except BaseException as error:
            if self._starting is not None:
                self._starting.failed("setup", error)
            raise


async def _refuse(scope, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, 403, b"This runner answers the emulator only.")


async def _answer(send, status, body=b""):
    headers = [(b"content-type", b"text/plain")] if body else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def install(directory, secret, header, logs, starting):
    """Wrap uvicorn. `directory` is where app.sock and metrics.sock are made."""
    import uvicorn

    init = uvicorn.Config.__init__
    startup = uvicorn.Server.startup

    def config_init(self, app, *args, **kwargs):
        if _made_by_sdk():
            paths = {getattr(route, "path", "") for route in getattr(app, "routes", ())}
            metrics = "/metrics" in paths and "/health" not in paths
            for name in ("host", "port", "fd"):
                kwargs.pop(name, None)
            args = ()  # host and port again, by position
            # The emulator tells each request itself, with its id and duration; a line here costs every request a wake-up
            # of the agent and a frame on the link.
            kwargs["access_log"] = False
            kwargs["uds"] = os.path.join(directory, "metrics.sock" if metrics else "app.sock")
            app = Switch(app, secret, header) if metrics else Switch(app, secret, header, logs, starting)
            init(self, app, *args, **kwargs)
            _quieten(logs, starting)
            return
        init(self, app, *args, **kwargs)

    async def server_startup(self, *args, **kwargs):
        await startup(self, *args, **kwargs)
        switch = self.config.app
        if self.started and isinstance(switch, Switch) and switch._starting is not None:
            starting.ready()
            logs.serving()

    uvicorn.Config.__init__ = config_init
    uvicorn.Server.startup = server_startup


def _quieten(logs, starting):
    """Keep what uvicorn says about itself out of the user's output. Its warnings and errors are theirs."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        for handler in logging.getLogger(name).handlers:
            if not hasattr(handler, "_windtunnel_emit"):
                handler._windtunnel_emit = handler.emit
                handler.emit = _quiet_emit(handler.emit, logs, starting)


def _quiet_emit(emit, logs, starting):
    def quiet_emit(record):
        if record.levelno >= logging.WARNING and not starting.told:
            emit(record)
            return
        with logs.own_words():
            emit(record)

    return quiet_emit


def _made_by_sdk():
    """The first caller that is no constructor is a function `serve` of fal's; a pickled one keeps its module's name."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    return (
        frame is not None
        and frame.f_code.co_name == "serve"
        and str(frame.f_globals.get("__name__", "")).split(".")[0] == "fal"
    )
