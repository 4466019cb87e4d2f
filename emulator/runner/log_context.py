"""Which request a line of output belongs to."""

import contextlib
import contextvars
import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from _windtunnel.log_lines import LineCutter

# No frame of the control channel may get near LIMITS.frameBytes, JSON escapes included.
TEXT_CHUNK = 64 * 1024

# What the SDK prints, in its lifespan and before the user's setup(), of the environment that it runs in.
SDK_PREAMBLE = "[debug] Python packages installed: "

_request = contextvars.ContextVar("windtunnel_request", default=None)
_own_words = contextvars.ContextVar("windtunnel_own_words", default=False)


class LogContext:
    """Follows requests through tasks, threads and executors, and takes what they print."""

    def __init__(self, control):
        self._control = control
        self._in_flight = {}
        self._cutters = {}
        self._lock = threading.RLock()
        self._preamble_due = True

    def install(self):
        """Replace stdout and stderr and let threads and executors carry the request. Before any user code."""
        sys.stdout = sys.__stdout__ = _Writer(self, "STDOUT", 1)
        sys.stderr = sys.__stderr__ = _Writer(self, "STDERR", 2)
        _carry_through_threads()

    @contextlib.contextmanager
    def own_words(self):
        """What is printed inside is the server's about itself: the runner's at DEBUG, and no request's."""
        token = _own_words.set(True)
        try:
            yield
        finally:
            _own_words.reset(token)

    def serving(self):
        """The start is over: no line is taken for the SDK's own any more."""
        self._preamble_due = False

    def enter(self, request):
        """The request begins in the current context; pass what this returns to `leave`."""
        with self._lock:
            self._in_flight[request] = self._in_flight.get(request, 0) + 1
        self._control.begin(request)
        return _request.set(request)

    def leave(self, request, token):
        """The request ended: lines that come later are the runner's, for nobody knows whose they are."""
        for level in ("STDOUT", "STDERR"):
            self.flush(level, request)
        with self._lock:
            self._in_flight[request] -= 1
            if not self._in_flight[request]:
                del self._in_flight[request]
        self._control.finish(request)
        try:
            _request.reset(token)
        except ValueError:
            # A websocket's task may be closed from another context; then there is nothing to reset here.
            return

    def write(self, level, text):
        """Take text that Python code of the app printed."""
        request = _request.get()
        if _own_words.get():
            level, request = "DEBUG", None
        with self._lock:
            if request not in self._in_flight:
                request = None
            cutter = self._cutters.setdefault((level, request), LineCutter())
            for start in range(0, len(text), TEXT_CHUNK):
                lines = cutter.feed(text[start : start + TEXT_CHUNK])
                if self._preamble_due and lines and lines[0].startswith(SDK_PREAMBLE):
                    self._preamble_due = False
                    self._control.log("DEBUG", None, [lines.pop(0)])
                if lines:
                    self._control.log(level, request, lines)

    def flush(self, level, request=None):
        """Send a line that still waits for its newline."""
        with self._lock:
            cutter = self._cutters.pop((level, request), None)
            lines = cutter.flush() if cutter else []
            if lines:
                self._control.log(level, request, lines)

    def flush_all(self):
        """Send all that waits: the process is about to end."""
        for level, request in list(self._cutters):
            self.flush(level, request)


class _Writer(io.TextIOBase):
    """Text stream that knows its request; bytes written to `buffer` or the descriptor go the way of native output."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, context, level, descriptor):
        self._context = context
        self._level = level
        self._descriptor = descriptor
        self.buffer = io.FileIO(descriptor, "w", closefd=False)
        self.name = "<%s>" % level.lower()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        if self._context._control.alive:
            self._context.write(self._level, text)
        else:
            _write_all(self._descriptor, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def isatty(self):
        return False

    def reconfigure(self, **_options):
        """Accepted, as sys.stdout's is: encoding and buffering are fixed here."""


def _write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


def _carry_through_threads():
    """Carry our variable, and none of the user's, into threads and executor jobs."""
    start = threading.Thread.start
    submit = ThreadPoolExecutor.submit

    def thread_start(self):
        request = _request.get()
        if request is not None:
            run = self.run

            def run_for_request():
                _request.set(request)
                run()

            self.run = run_for_request
        return start(self)

    def executor_submit(self, function, *args, **kwargs):
        request = _request.get()

        def job():
            token = _request.set(request)
            try:
                return function(*args, **kwargs)
            finally:
                _request.reset(token)

        return submit(self, job)

    threading.Thread.start = thread_start
    ThreadPoolExecutor.submit = executor_submit
