"""The harness's private channel to the agent: log lines, states, and which requests are in flight."""

import array
import fcntl
import os
import socket
import sys
import termios
import threading
import time

from _windtunnel import frames


class Control:
    """Whole frames over a socket, from any thread and from signal handlers."""

    def __init__(self, descriptor):
        os.set_inheritable(descriptor, False)
        self._sock = socket.socket(fileno=descriptor)
        self._lock = threading.RLock()
        self._queue = []
        self._sending = False
        self._pid = os.getpid()
        self._decoder = frames.Decoder()
        self._received = []
        # A forked child shares the socket: two writers would tear frames apart. It writes to the pipes instead.
        os.register_at_fork(after_in_child=self._disown)

    @property
    def alive(self):
        """False in a forked child, or when the agent is gone."""
        return self._sock is not None

    def configuration(self):
        """Read the first message of the agent: what to run."""
        return self.receive()

    def receive(self):
        """Wait for the agent's next message; this process ends when the agent does."""
        while not self._received:
            data = self._sock.recv(1 << 16)
            if not data:
                os._exit(70)
            self._received += [payload for _, _, payload in self._decoder.feed(data)]
        return self._received.pop(0)

    def watch_agent(self, on_debugger):
        """Take the agent's messages, each a debug adapter that waits, and end this process when the agent ends."""

        def listen():
            try:
                while True:
                    on_debugger(self.receive())
            finally:
                os._exit(70)

        thread = threading.Thread(target=listen, name="windtunnel-agent", daemon=True)
        # A debugger leaves it alone: it neither stops nor shows it.
        thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True
        thread.start()

    def state(self, **values):
        """Tell where the start stands."""
        self._send(frames.encode_json(frames.STATE, values))

    def log(self, level, request, lines):
        """Send lines of one request, or of none."""
        value = {"level": level, "request": request, "at": int(time.time() * 1000), "text": "\n".join(lines)}
        self._send(frames.encode_json(frames.LOG, value))

    def begin(self, request):
        """A request begins."""
        self._send(frames.encode(frames.BEGIN, 1 if _nothing_waits() else 0, request.encode("utf-8")))

    def finish(self, request):
        """That request ended."""
        self._send(frames.encode(frames.FINISH, 0, request.encode("utf-8")))

    def _send(self, frame):
        with self._lock:
            if self._sock is None:
                return
            self._queue.append(frame)
            if self._sending:
                return  # A signal handler that interrupted us in the loop below: the loop takes its frame too.
            self._sending = True
            try:
                while self._queue:
                    self._sock.sendall(self._queue.pop(0))
            except OSError:
                self._sock = None
            finally:
                self._sending = False

    def _disown(self):
        self._lock = threading.RLock()
        self._sock = None


def _nothing_waits():
    """True where the agent has read all that was written to stdout and stderr; False where that can't be told."""
    if sys.platform != "linux":
        return False  # Only there the write end of a pipe knows what is in it.
    waiting = array.array("i", [0])
    try:
        for descriptor in (1, 2):
            fcntl.ioctl(descriptor, termios.FIONREAD, waiting)
            if waiting[0]:
                return False
    except OSError:
        return False
    return True
