"""Runs one command beside the app, for `fal runners shell` and `exec`. The agent starts it, in the app's surroundings.

    python shell.py FD

Speaks frames over the socket FD: type (1 byte), length (4, big endian), payload.

    from the emulator   S  start: {"command": [...], "tty": bool, "rows": n, "columns": n}; an empty command is a shell
                        D  input   R  resize: {"rows": n, "columns": n}   E  end of input
    to the emulator     1  stdout (or the terminal)   2  stderr   X  exit: {"code": n}
"""

import fcntl
import json
import os
import pty
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios

HEAD = struct.Struct(">cI")
CHUNK = 1 << 15


class Link:
    """Whole frames over the socket."""

    def __init__(self, descriptor):
        self.sock = socket.socket(fileno=descriptor)
        self._buffer = bytearray()

    def send(self, kind, payload):
        self.sock.sendall(HEAD.pack(kind, len(payload)) + payload)

    def receive(self):
        """Frames that have arrived; None when the other side is gone."""
        data = self.sock.recv(CHUNK)
        if not data:
            return None
        self._buffer += data
        return list(self.buffered())

    def buffered(self):
        while len(self._buffer) >= HEAD.size:
            kind, length = HEAD.unpack_from(self._buffer)
            if len(self._buffer) < HEAD.size + length:
                return
            payload = bytes(self._buffer[HEAD.size : HEAD.size + length])
            del self._buffer[: HEAD.size + length]
            yield kind, payload


def first_frame(link):
    """The command to run, and what came after it in one go."""
    while True:
        frames = link.receive()
        if frames is None:
            os._exit(0)
        if frames:
            return json.loads(frames[0][1].decode("utf-8")), frames[1:]


def resize(terminal, size):
    if size.get("rows") and size.get("columns"):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["rows"], size["columns"], 0, 0))


def user_shell():
    return next((shell for shell in ("/bin/bash", "/bin/sh") if os.path.exists(shell)), "sh")


def launch(start):
    """The child, where its input goes, and where its output comes from as {descriptor: frame type}."""
    command = start["command"] or [user_shell()]
    if not start["tty"]:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return child, child.stdin.fileno(), {child.stdout.fileno(): b"1", child.stderr.fileno(): b"2"}
    ours, theirs = pty.openpty()
    resize(ours, start)

    def take_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    environment = dict(os.environ, TERM=os.environ.get("TERM", "xterm-256color"))
    child = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal, env=environment
    )
    os.close(theirs)
    return child, ours, {ours: b"1"}


def end_input(terminal, sink):
    """End of input: a pipe is closed, a terminal is told by its own character."""
    if sink is None:
        return None
    if not terminal:
        os.close(sink)
        return None
    write_all(sink, b"\x04")
    return sink


def write_all(descriptor, data):
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return  # It reads no more: its end is told by its exit.


def serve(link):
    start, waiting = first_frame(link)
    try:
        child, sink, outputs = launch(start)
    except OSError as error:
        link.send(b"2", ("%s: %s\n" % ((start["command"] or ["shell"])[0], error.strerror)).encode("utf-8"))
        link.send(b"X", json.dumps({"code": 127 if isinstance(error, FileNotFoundError) else 126}).encode("ascii"))
        return
    selector = selectors.DefaultSelector()
    selector.register(link.sock, selectors.EVENT_READ, None)
    for descriptor, kind in outputs.items():
        selector.register(descriptor, selectors.EVENT_READ, kind)
    open_outputs = set(outputs)

    def take(frames):
        nonlocal sink
        for kind, payload in frames:
            if kind == b"D" and sink is not None:
                write_all(sink, payload)
            elif kind == b"E":
                sink = end_input(start["tty"], sink)
            elif kind == b"R" and start["tty"]:
                resize(sink, json.loads(payload.decode("utf-8")))

    take(waiting)
    while open_outputs:
        for key, _ in selector.select():
            if key.data is None:
                frames = link.receive()
                if frames is None:
                    hang_up(child)
                    return
                take(frames)
                continue
            try:
                data = os.read(key.fd, CHUNK)
            except OSError:
                data = b""  # A terminal whose last process ended reads EIO.
            if data:
                link.send(key.data, data)
            else:
                selector.unregister(key.fd)
                open_outputs.discard(key.fd)
    code = child.wait()
    link.send(b"X", json.dumps({"code": code if code >= 0 else 128 - code}).encode("ascii"))


def hang_up(child):
    """The client left: what it started goes, as with a terminal that is closed."""
    try:
        os.killpg(child.pid, signal.SIGHUP)
        child.wait(2)
    except ProcessLookupError:
        return
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    LINK = Link(int(sys.argv[1]))
    try:
        serve(LINK)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
