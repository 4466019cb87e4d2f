"""Runs functions that arrive with each call, for `fal run` of a plain fal.function, as isolate's agent does.

A call is a POST to app.sock: its body is a head (4 bytes, big endian: length; JSON) and the pickles that the head measures.

    head of a call     {"method": "cloudpickle", "function": n bytes, "setup": n bytes or null, "entrypoint": "module:symbol" or null}
    head of an answer  {"result": n bytes, "method", "was_it_raised", "stringized_traceback", "exception_type_name",
                        "exception_message"}, or {"abort": "why it cannot be run at all"}
"""

import asyncio
import hashlib
import hmac
import importlib
import inspect
import json
import os
import socketserver
import struct
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler

LENGTH = struct.Struct(">I")
# What isolate uses where an entrypoint brings no method with it (isolate.backends.settings).
DEFAULT_METHOD = "cloudpickle"


class Abort(Exception):
    """The call cannot be run, by no fault of the function's."""


class Calls:
    """The functions of one runner. Results of setup functions are kept for the calls after it."""

    def __init__(self):
        self._setup_results = {}
        self._lock = threading.Lock()

    def hints(self):
        """Setup functions whose results are here: calls with one of them are best sent to this runner."""
        return ",".join(self._setup_results)

    def run(self, head, function, setup):
        """Execute one call; return the head of the answer and the pickled result."""
        try:
            return self._run(head, function, setup)
        except Abort as error:
            return {"abort": str(error)}, b""

    def _run(self, head, function, setup):
        method = head["method"] or DEFAULT_METHOD
        arguments = []
        if setup is not None:
            # One at a time: two first calls must not both load the model.
            with self._lock:
                key = hashlib.sha256(setup).hexdigest()
                if key not in self._setup_results:
                    outcome = self._invoke(_loader(method, setup, "setup"), ())
                    if outcome[1]:
                        return _answer(method, *outcome)
                    self._setup_results[key] = outcome[0]
            arguments.append(self._setup_results[key])
        if head["entrypoint"] is not None:
            load = _resolver(head["entrypoint"])
        else:
            load = _loader(method, function, "function")
        return _answer(method, *self._invoke(load, arguments))

    def _invoke(self, load, arguments):
        """The result or the exception, whether it was raised, and the traceback as text without our own frames."""
        from isolate.connections.common import SerializationError

        try:
            target = load()
        except SerializationError as error:
            return error, True, traceback.format_exc()
        except BaseException as error:  # noqa: BLE001 - an entrypoint that cannot be imported is raised at the client
            return error, True, _own_traceback(error)
        if not callable(target):
            raise Abort("The function must be callable, not %s." % type(target).__name__)
        try:
            result = target(*arguments)
            if inspect.iscoroutine(result):
                result = asyncio.run(result)
            return result, False, None
        except BaseException as error:  # noqa: BLE001 - whatever it raises is raised at the client
            return error, True, _own_traceback(error)


def _loader(method, pickled, kind):
    def load():
        from isolate.connections.common import SerializationError, load_serialized_object

        try:
            return load_serialized_object(method, pickled)
        except SerializationError:
            # The SDK looks for these words, and then says which package is missing.
            sys.stderr.write("The %s function could not be deserialized.\n" % kind)
            raise

    return load


def _resolver(entrypoint):
    def load():
        module, _, symbol = entrypoint.partition(":")
        if "" not in sys.path:
            sys.path.insert(0, "")
        target = importlib.import_module(module)
        for part in symbol.split("."):
            target = getattr(target, part)
        return target

    return load


def _own_traceback(error):
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _answer(method, result, raised, text):
    from isolate.connections.common import SerializationError, serialize_object

    try:
        pickled = serialize_object(method, result)
    except SerializationError:
        if text:
            sys.stderr.write(text + "\n")
        traceback.print_exc()
        raise Abort("Error while serializing the execution result (object of type %s)." % type(result)) from None
    head = {"method": method, "was_it_raised": raised, "stringized_traceback": text, "result": len(pickled)}
    if raised:
        head.update(exception_type_name=type(result).__name__, exception_message=str(result))
    return head, pickled


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """HTTP over the runner's socket; each call has its thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, config, logs):
        self.calls = Calls()
        self.logs = logs
        self.secret = config["secret"]
        self.secret_header = config["header"]
        super().__init__(os.path.join(config["dir"], "app.sock"), Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802 - the name is http.server's
        self._send(200, b"{}")

    def do_POST(self):  # noqa: N802 - the name is http.server's
        if not hmac.compare_digest(self.headers.get(self.server.secret_header, ""), self.server.secret):
            self.close_connection = True
            self._send(403, b"This runner answers the emulator only.")
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        (length,) = LENGTH.unpack_from(body)
        start = LENGTH.size + length
        head = json.loads(body[LENGTH.size : start].decode("utf-8"))
        function = body[start : start + head["function"]]
        setup = None if head["setup"] is None else body[start + head["function"] :]
        request = self.headers.get("x-fal-request-id", "")
        token = self.server.logs.enter(request)
        try:
            answer, result = self.server.calls.run(head, function, setup)
        finally:
            self.server.logs.leave(request, token)
        text = json.dumps(answer).encode("utf-8")
        self._send(200, LENGTH.pack(len(text)) + text + result)

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("x-fal-runner-hints", self.server.calls.hints())
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """The emulator tells each call itself."""


def server(config, logs, starting):
    """What the harness runs."""

    def serve():
        starting.setup()
        listener = Server(config, logs)
        starting.ready()
        logs.serving()
        listener.serve_forever()

    return serve
