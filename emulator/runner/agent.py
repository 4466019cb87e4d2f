"""Agent: the parent of the app's process and the only holder of the link to the emulator. Standard library only.

    python -I -S agent.py fd:N | stdio

The link is one byte stream that the emulator opened: a socket that we inherited, or our own stdin and stdout in a
container. An inherited stream cannot be dialled a second time, so there is one link, ever.

A process of its own, so that neither the GIL held by native code, nor os._exit, nor a debugger that stops all threads
of the app stops the tunnel, the logs or the dead-man switch: link closed = emulator gone = TERM, grace, KILL.
"""

import glob
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import types

_package = types.ModuleType("_windtunnel")
_package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
sys.modules["_windtunnel"] = _package

from _windtunnel import frames, process_tree  # noqa: E402
from _windtunnel.link_streams import LinkStreams, Stream, watch  # noqa: E402
from _windtunnel.log_lines import LineCutter  # noqa: E402

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

# Nothing more is read from the app while this much waits for the link.
LINK_HIGH = 1 << 20
# The emulator has this long to say what to run.
START_SECONDS = 60
MEMORY_SECONDS = 0.5
# The kernel counts a process as killed before it is gone, and we may look at the count in between.
KILLED_SECONDS = 2


class Agent:
    """One link, one app."""

    def __init__(self, read_fd, write_fd):
        self.read_fd = read_fd
        self.write_fd = write_fd
        self.out = bytearray()
        self.decoder = frames.Decoder()
        self.selector = selectors.DefaultSelector()
        self.streams = LinkStreams(self.selector, self.send, lambda: len(self.out) >= LINK_HIGH, self.connect)
        self.start = None
        # Started ahead, for an app that START names later; what it has to tell till then.
        self.spare = False
        self.held_states = []
        self.unmapped = False
        self.env = {}
        self.child = None
        self.pipes = {}
        self.control = None
        self.control_out = bytearray()
        self.control_decoder = frames.Decoder()
        self.in_flight = {}
        self.kill_at = None
        self.cause = "crashed"
        self.memory_at = 0.0
        self.memory_sent = 0
        self.oom_kills = 0
        self.oom_kill_at = None
        self.port_open = False
        self.finished = False
        self.give_up_at = time.monotonic() + START_SECONDS

    # The link

    def send(self, frame):
        """Queue a frame for the emulator."""
        if self.write_fd is not None:
            self.out += frame

    def flush(self):
        """Write what the link takes now."""
        if self.write_fd is None or not self.out:
            return
        try:
            sent = os.write(self.write_fd, self.out[: 1 << 18])
            del self.out[:sent]
        except BlockingIOError:
            return
        except OSError:
            self.lost("the link broke")

    def lost(self, why):
        """The emulator is gone: nothing may outlive it."""
        if self.read_fd is None:
            return
        for descriptor in {self.read_fd, self.write_fd}:
            watch(self.selector, descriptor, 0, None)
        self.read_fd = self.write_fd = None
        self.out.clear()
        self.streams.close()
        self.stop(why)

    def read_link(self):
        """Take what the emulator sent."""
        try:
            data = os.read(self.read_fd, 1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lost("the link closed")
            return
        try:
            for kind, number, payload in self.decoder.feed(data):
                self.on_frame(kind, number, payload)
        except frames.ProtocolError as error:
            complain(error)
            self.lost("the emulator broke the protocol")

    def on_frame(self, kind, number, payload):
        """Act on one frame of the emulator."""
        if kind in (frames.OPEN, frames.DATA, frames.END, frames.RESET, frames.WINDOW):
            self.streams.on_frame(kind, number, payload)
        elif kind == frames.SIGNAL:
            self.signal(payload)
        elif kind == frames.DEBUG and self.start is not None and self.control is not None:
            self.control_out += frames.encode(frames.DEBUG, 0, payload)
            self.write_control()
        elif kind in (frames.START, frames.PREPARE) and self.start is None or kind == frames.START and self.spare:
            try:
                start = json.loads(payload.decode("utf-8"))
                if self.spare:
                    self.order(start)
                else:
                    self.spare = kind == frames.PREPARE
                    self.launch(start)
            except (ValueError, KeyError, TypeError) as error:
                raise frames.ProtocolError("a start message that is not understood: %r" % error) from error
        else:
            raise frames.ProtocolError("a frame of type %d" % kind)

    def connect(self, target):
        """A local connection for a stream that the emulator opened."""
        if self.start is None or target not in ("app", "metrics", "shell", "debug"):
            raise OSError("no such target: %s" % target)
        if target == "shell":
            return self.shell()
        if target == "debug":
            return self.debug_adapter()
        if target == "app" and self.port_open:
            sock = socket.socket(socket.AF_INET)
            address = ("127.0.0.1", self.start["port"])
        else:
            sock = socket.socket(socket.AF_UNIX)
            address = os.path.join(self.start["dir"], target + ".sock")
        # Never blocks: an app that does not accept must not stop the tunnel.
        sock.setblocking(False)
        try:
            sock.connect(address)
        except BlockingIOError as error:
            if isinstance(address, str):
                sock.close()
                raise OSError("the app does not accept connections") from error
        except OSError:
            sock.close()
            raise
        return sock

    def shell(self):
        """A socket to a helper that runs a command in the app's own surroundings."""
        ours, theirs = socket.socketpair()
        helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shell.py")
        try:
            subprocess.Popen(
                [sys.executable, "-I", "-S", helper, str(theirs.fileno())],
                env=self.env,
                cwd=self.start["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                preexec_fn=process_tree.die_with_parent,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return ours

    def debug_adapter(self):
        """A debug adapter of its own for each client, over its stdin and stdout: it ends when the stream does."""
        debugger = self.start["debugger"]
        if debugger is None:
            raise OSError("not started for a debugger")
        ours, theirs = socket.socketpair()
        try:
            subprocess.Popen(
                [debugger["python"], "-I", "-X", "frozen_modules=off", debugger["folder"] + "/debugpy/adapter"],
                stdin=theirs,
                stdout=theirs,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                preexec_fn=process_tree.die_with_parent,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return ours

    # The app

    def launch(self, start):
        """Start the app as the emulator described it."""
        self.start = start
        self.give_up_at = None
        if start["version"] != frames.VERSION:
            raise frames.ProtocolError("version %r, this is %d" % (start["version"], frames.VERSION))
        env = dict(start["env"])
        if not self.devices_present(start["expectedDevices"]):
            return
        if start["folders"] and not self.map_folders(start, env):
            return
        out_path = os.path.join(start["dir"], "out.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(out_path)
        self.listener.listen(512)
        self.listener.setblocking(False)
        self.selector.register(self.listener, READ, "tunnel")
        env["WINDTUNNEL_OUT"] = out_path
        self.env = dict(env)

        ours, theirs = socket.socketpair()
        env["WINDTUNNEL_CONTROL"] = str(theirs.fileno())
        outputs = {"STDOUT": os.pipe(), "STDERR": os.pipe()}
        self.state(phase="booting")
        try:
            self.child = subprocess.Popen(
                start["argv"],
                env=env,
                cwd=start["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=outputs["STDOUT"][1],
                stderr=outputs["STDERR"][1],
                pass_fds=[theirs.fileno()] if start["harness"] else [],
                start_new_session=True,
                preexec_fn=process_tree.die_with_parent,
            )
        except OSError as error:
            self.state(phase="failed", stage="booting", message="cannot run %s: %s" % (start["argv"][0], error))
            self.finish(None)
            return
        finally:
            theirs.close()
            for _, write_end in outputs.values():
                os.close(write_end)
        for level, (read_end, _) in outputs.items():
            os.set_blocking(read_end, False)
            self.pipes[read_end] = (level, LineCutter())
        self.control = ours
        ours.setblocking(False)
        if start["harness"]:
            # The harness reads it before anything else. An app that hangs before that must not hold us up.
            self.control_out += frames.encode_json(frames.START, start["harness"])
            self.write_control()

    def devices_present(self, expected):
        """See that the GPUs that were asked for are here: Podman drops a request that it does not know, silently."""
        if expected is None:
            return True
        found = sum(len(glob.glob(pattern)) for pattern in expected["patterns"])
        if found >= expected["least"]:
            return True
        message = "the container was given %d of its %d GPUs (%s): the daemon ignored the request" % (
            found,
            expected["least"],
            ", ".join(expected["patterns"]),
        )
        self.state(phase="failed", stage="devices", message=message)
        self.finish(None)
        return False

    def map_folders(self, start, env):
        """Mount /data and /app. Where it can't be done the app goes on without, unless it needs them."""
        from _windtunnel import mounts  # A container has its folders already.

        scratch = os.path.join(start["dir"], "root")
        os.mkdir(scratch, 0o700)
        try:
            mounts.map_folders(start["folders"], scratch)
        except OSError as error:
            if start["foldersRequired"]:
                self.state(phase="failed", stage="mount", message=str(error))
                self.finish(None)
                return False
            self.state(phase="unmapped", message=str(error))
            self.unmapped = True
            self.settle_unmapped(start, env)
            return True
        self.state(phase="mapped")
        return True

    def settle_unmapped(self, start, env):
        """Do without the mounts."""
        env.update(start["envUnmapped"])
        start["cwd"] = start["cwdUnmapped"]

    def order(self, start):
        """Make of the spare the runner of an app. Only its harness and a few variables differ from what was prepared."""
        self.spare = False
        self.start = start
        env = dict(start["env"])
        if self.unmapped:
            self.settle_unmapped(start, env)
        env["WINDTUNNEL_OUT"] = self.env["WINDTUNNEL_OUT"]
        news = {name: value for name, value in env.items() if self.env.get(name) != value}
        self.env = env
        for values in self.held_states:
            self.state(**values)
        if self.control is not None:  # Else it has ended, and that is told in a moment.
            self.control_out += frames.encode_json(frames.START, dict(start["harness"], env=news))
            self.write_control()

    def state(self, **values):
        """Tell the emulator where the start stands."""
        if self.spare:
            self.held_states.append(values)
            return
        self.send(frames.encode_json(frames.STATE, values))

    def signal(self, payload):
        """A signal for the app, or the end of all of it."""
        if payload == b"kill":
            self.cause = "killed"
            self.kill_at = time.monotonic()
        elif self.child is not None:
            try:
                number = signal.Signals(int(payload))
            except ValueError as error:
                raise frames.ProtocolError("signal %r" % payload) from error
            if number == signal.SIGTERM and self.cause == "crashed":
                self.cause = "stopped"
            # Only the app itself, as a container's PID 1 gets it in production; its children are the app's business.
            os.kill(self.child.pid, number)

    def stop(self, why):
        """TERM now, KILL after the grace."""
        if self.kill_at is None:
            self.cause = "link"
            self.kill_at = time.monotonic() + (self.start["graceSeconds"] if self.start else 0)
            complain("stopping, %s" % why)
            if self.child is not None:
                try:
                    os.kill(self.child.pid, signal.SIGTERM)
                except ProcessLookupError:
                    return

    # Output

    def log(self, level, request, lines):
        """Send lines that the app's processes wrote to their stdout or stderr."""
        if lines:
            value = {"level": level, "request": request, "at": int(time.time() * 1000), "text": "\n".join(lines)}
            self.send(frames.encode_json(frames.LOG, value))

    def owner(self):
        """The one request in flight; None where there is none or a choice."""
        return next(iter(self.in_flight)) if len(self.in_flight) == 1 else None

    def read_pipe(self, descriptor, limit):
        """Take up to `limit` bytes of raw output."""
        level, cutter = self.pipes[descriptor]
        while limit > 0:
            try:
                data = os.read(descriptor, frames.CHUNK)
            except BlockingIOError:
                return
            if not data:
                self.log(level, self.owner(), cutter.flush())
                watch(self.selector, descriptor, 0, None)
                os.close(descriptor)
                del self.pipes[descriptor]
                return
            limit -= len(data)
            # Output that ends in the middle of a UTF-8 sequence is rare enough for a replacement character.
            self.log(level, self.owner(), cutter.feed(data.decode("utf-8", "replace")))

    def drain_pipes(self):
        """Take what was written up to now, before the set of requests in flight changes."""
        for descriptor, (level, cutter) in list(self.pipes.items()):
            self.read_pipe(descriptor, 1 << 20)
            self.log(level, self.owner(), cutter.flush())

    def write_control(self):
        """Write what the harness takes now."""
        try:
            while self.control_out:
                del self.control_out[: self.control.send(self.control_out[: 1 << 18])]
        except BlockingIOError:
            return
        except OSError:
            self.control_out.clear()  # It is gone: its end is read, or reaped.

    def read_control(self):
        """Take what the harness tells; True if there was something."""
        try:
            data = self.control.recv(1 << 18)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            watch(self.selector, self.control, 0, None)
            self.control.close()
            self.control = None
            return False
        for kind, number, payload in self.control_decoder.feed(data):
            if kind in (frames.LOG, frames.STATE):
                self.send(frames.encode(kind, 0, payload))
            elif kind == frames.BEGIN:
                if not number:
                    self.drain_pipes()  # Else what is there by now was written later, perhaps by this very request.
                request = payload.decode("utf-8", "replace")
                self.in_flight[request] = self.in_flight.get(request, 0) + 1
            elif kind == frames.FINISH:
                self.drain_pipes()
                request = payload.decode("utf-8", "replace")
                self.in_flight[request] = self.in_flight.get(request, 1) - 1
                if self.in_flight[request] <= 0:
                    del self.in_flight[request]
                    # Its answer went past us; by this the emulator knows that it has all of its lines as well.
                    self.send(frames.encode(frames.FINISH, 0, payload))
        return True

    def accept(self):
        """A connection of the shim. It names its target in one line."""
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        self.selector.register(sock, READ, "preamble")

    def read_preamble(self, sock):
        """Read `host:port` and its newline, and not a byte of what follows."""
        try:
            peeked = sock.recv(512, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            peeked = b""
        end = peeked.find(b"\n")
        if peeked and end < 0 and len(peeked) < 512:
            return
        self.selector.unregister(sock)
        if end < 0:
            sock.close()
            return
        self.streams.open(sock, sock.recv(end + 1).decode("utf-8", "replace").strip())

    # The loop

    def run(self):
        """Serve until the app is gone; return its exit status where it ended by itself.

        A container's own exit status tells it then, should the link be cut before its last frame is through.
        """
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self.write_fd, False)
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.stop("SIGTERM"))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process_tree.adopt_orphans()
        self.selector.register(wake_read, READ, "wake")
        self.send(frames.encode_json(frames.HELLO, {"version": frames.VERSION, "pid": os.getpid()}))
        code = None
        while not self.finished:
            self.flush()
            self.interest()
            self.dispatch(self.selector.select(self.patience()))
            for pid, status in process_tree.reap():
                if self.child is not None and pid == self.child.pid:
                    self.child.returncode = code = (
                        os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
                    )
                    self.finish(code)
            if not self.finished:
                self.tick()
        self.say_goodbye()
        return code if self.cause in ("crashed", "memory") else None

    def interest(self):
        """Tell the selector what we wait for."""
        room = len(self.out) < LINK_HIGH
        if self.read_fd is not None:
            writing = WRITE if self.out else 0
            if self.read_fd == self.write_fd:
                watch(self.selector, self.read_fd, READ | writing, "link")
            else:
                watch(self.selector, self.read_fd, READ, "link")
                watch(self.selector, self.write_fd, writing, "link")
        for descriptor in self.pipes:
            watch(self.selector, descriptor, READ if room else 0, "pipe")
        if self.control is not None:
            watch(self.selector, self.control, (READ if room else 0) | (WRITE if self.control_out else 0), "control")
        self.streams.interest()

    def patience(self):
        """Seconds to the next thing that time alone brings about."""
        if self.kill_at is not None:
            return max(0.0, min(0.2, self.kill_at - time.monotonic()))
        if self.start and self.start["port"] and not self.port_open:
            return 0.1
        return MEMORY_SECONDS

    def dispatch(self, events):
        """Act on what is ready."""
        ready = []
        # First who is in flight, then what was printed: a request that is quick has begun and printed in one round.
        if self.control is not None and len(self.out) < LINK_HIGH:
            self.read_control()
        if self.control is not None and self.control_out:
            self.write_control()
        for key, mask in events:
            if isinstance(key.data, Stream):
                ready.append((key.data, mask))
            elif key.data == "link":
                if mask & READ and self.read_fd is not None:
                    self.read_link()
            elif key.data == "pipe":
                if key.fd in self.pipes:
                    self.read_pipe(key.fd, frames.CHUNK)
            elif key.data == "tunnel":
                self.accept()
            elif key.data == "preamble":
                self.read_preamble(key.fileobj)
            elif key.data == "wake":
                os.read(key.fd, 4096)
        self.streams.serve(ready)

    def tick(self):
        """What happens by time."""
        now = time.monotonic()
        if self.give_up_at is not None and now > self.give_up_at:
            self.finish(None)
        elif self.kill_at is not None and now >= self.kill_at:
            process_tree.kill_descendants(os.getpid())
            if self.child is None:
                self.finish(None)
            else:
                self.child.returncode = -signal.SIGKILL
                self.finish(-signal.SIGKILL)
        elif self.child is not None and now >= self.memory_at:
            self.memory_at = now + MEMORY_SECONDS
            self.check_memory()
        if self.start and self.start["port"] and not self.port_open and self.child is not None:
            self.probe_port()

    def check_memory(self):
        """Measure the tree, and end it when it is over its machine type's memory.

        Never RLIMIT_AS: CUDA maps terabytes that it does not use.
        """
        limit = self.start["memoryBytes"]
        used = process_tree.memory(os.getpid(), limit * 0.8)
        if abs(used - self.memory_sent) > 1 << 20:
            self.memory_sent = used
            self.send(frames.encode(frames.MEMORY, 0, frames.U64.pack(used)))
        if used > limit and self.kill_at is None:
            self.cause = "memory"
            self.kill_at = time.monotonic()
        if self.kernel_killed():
            self.log("STDERR", self.owner(), ["windtunnel: the kernel killed a process of this runner, %s" % self.limit()])

    def kernel_killed(self):
        """Whether the kernel has killed a process of this container for want of memory, since this was last asked.

        There it is the container's limit that is met, before ours is. The app may live on, if it was a child of its own.
        """
        if os.getpid() != 1:
            return False
        count = process_tree.oom_kills() or 0
        if count <= self.oom_kills:
            return False
        self.oom_kills = count
        self.oom_kill_at = time.monotonic()
        return True

    def died_of_memory(self, code):
        """Whether the app, which ended by itself with that code, was killed by the kernel for want of memory."""
        if self.start is None or self.cause != "crashed" or code != -signal.SIGKILL:
            return False
        self.kernel_killed()
        return self.oom_kill_at is not None and time.monotonic() - self.oom_kill_at < KILLED_SECONDS

    def limit(self):
        return "for its machine type has %.1f GiB of memory" % (self.start["memoryBytes"] / (1 << 30))

    def probe_port(self):
        """See whether an app that binds its own port has done so."""
        with socket.socket() as probe:
            probe.settimeout(0.05)
            self.port_open = probe.connect_ex(("127.0.0.1", self.start["port"])) == 0
        if self.port_open:
            self.state(phase="ready", listen="port")

    def finish(self, code):
        """The app ended: take its last words, then whatever it left running."""
        self.finished = True
        while self.control is not None and self.read_control():
            continue
        self.drain_pipes()
        process_tree.kill_descendants(os.getpid())
        if self.died_of_memory(code):
            self.cause = "memory"
            self.memory_sent = max(self.memory_sent, self.start["memoryBytes"])
        signal_name = signal.Signals(-code).name if code is not None and code < 0 else None
        exit_code = code if code is not None and code >= 0 else None
        value = {"code": exit_code, "signal": signal_name, "cause": self.cause, "bytes": self.memory_sent}
        self.send(frames.encode_json(frames.EXITED, value))

    def say_goodbye(self):
        """Get the last frames out; the emulator closes the link when it has them."""
        deadline = time.monotonic() + 5
        while self.out and self.write_fd is not None and time.monotonic() < deadline:
            self.flush()
            if self.out and self.write_fd is not None:
                self.selector.select(0.01)


def complain(what):
    """A line for the emulator's own log. It is gone when the emulator is, and that must not stop us."""
    try:
        os.write(2, ("windtunnel agent: %s\n" % what).encode("utf-8"))
    except OSError:
        return


def main():
    kind = sys.argv[1]
    if kind == "stdio":
        # One print of the app would corrupt the link, so that the child never sees these two.
        read_fd, write_fd = os.dup(0), os.dup(1)
        os.dup2(2, 1)
    else:
        read_fd = write_fd = int(kind.partition(":")[2])
    for descriptor in (read_fd, write_fd):
        os.set_inheritable(descriptor, False)
    code = Agent(read_fd, write_fd).run()
    os._exit(0 if code is None else code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
