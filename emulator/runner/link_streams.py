"""The agent's side of the mux: local sockets spliced to streams of the link."""

import errno
import selectors
import socket

from _windtunnel import frames
from _windtunnel.frames import ProtocolError

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Stream:
    """One local socket and its stream."""

    def __init__(self, number, sock):
        self.number = number
        self.sock = sock
        self.credit = frames.WINDOW_BYTES  # what we may still send
        self.granted = frames.WINDOW_BYTES  # what the emulator may still send
        self.waiting = bytearray()  # for the local socket
        self.local_ended = False  # the local socket sent all it had
        self.remote_ended = False  # the emulator sent all it had
        self.shut = False
        self.served = 0  # turn in which it last sent


class LinkStreams:
    """All streams of the link. `send` takes a frame; `congested` tells that the link has enough to do."""

    def __init__(self, selector, send, congested, connect):
        self._selector = selector
        self._send = send
        self._congested = congested
        self._connect = connect
        self._streams = {}
        self._next = 2  # ours are even
        self._highest = 0
        self._turn = 0

    def open(self, sock, target):
        """Lead a local connection to `target` at the emulator."""
        if len(self._streams) >= frames.MAX_STREAMS:
            sock.close()
            return
        stream = Stream(self._next, sock)
        self._next += 2
        self._streams[stream.number] = stream
        self._send(frames.encode(frames.OPEN, stream.number, target.encode("utf-8")))

    def on_frame(self, kind, number, payload):
        """Take a frame that belongs to a stream."""
        if kind == frames.OPEN:
            return self._accept(number, payload)
        stream = self._streams.get(number)
        if stream is None:
            # Late frames of a stream that we have already closed are no error; those of one that never was are.
            if number == 0 or number > (self._highest if number % 2 else self._next - 2):
                raise ProtocolError("frame %d for stream %d, which was never opened" % (kind, number))
            return None
        if kind == frames.DATA:
            stream.granted -= len(payload)
            if stream.granted < 0 or stream.remote_ended:
                raise ProtocolError("data beyond its credit on stream %d" % number)
            stream.waiting += payload
            self._drain(stream)
        elif kind == frames.END:
            stream.remote_ended = True
            self._drain(stream)
        elif kind == frames.RESET:
            self._drop(stream)
        elif kind == frames.WINDOW:
            if len(payload) != 4:
                raise ProtocolError("a window of %d bytes" % len(payload))
            stream.credit += frames.U32.unpack(payload)[0]
        return None

    def interest(self):
        """Tell the selector what each socket waits for now."""
        room = not self._congested()
        for stream in self._streams.values():
            mask = WRITE if stream.waiting else 0
            if room and stream.credit > 0 and not stream.local_ended:
                mask |= READ
            watch(self._selector, stream.sock, mask, stream)

    def serve(self, ready):
        """Move data of the (stream, events) pairs, the one that sent longest ago first: none starves another."""
        self._turn += 1
        for stream, events in sorted(ready, key=lambda pair: pair[0].served):
            if events & WRITE and stream.number in self._streams:
                self._drain(stream)
            if events & READ and stream.number in self._streams and not self._congested():
                self._read(stream)

    def close(self):
        """Drop all streams, telling nobody."""
        for stream in list(self._streams.values()):
            self._drop(stream)

    def _accept(self, number, payload):
        if number % 2 == 0 or number <= self._highest:
            raise ProtocolError("stream %d opened out of order" % number)
        self._highest = number
        if len(self._streams) >= frames.MAX_STREAMS:
            return self._send(frames.encode(frames.RESET, number, b"too many streams"))
        try:
            sock = self._connect(payload.decode("utf-8", "replace"))
        except OSError as error:
            return self._send(frames.encode(frames.RESET, number, str(error).encode("utf-8")))
        self._streams[number] = Stream(number, sock)
        # Tells that the connection stands; one that does not is reset.
        return self._send(frames.encode(frames.WINDOW, number, frames.U32.pack(0)))

    def _read(self, stream):
        stream.served = self._turn
        try:
            data = stream.sock.recv(min(frames.CHUNK, stream.credit))
        except BlockingIOError:
            return
        except OSError:
            self._fail(stream)
            return
        if data:
            stream.credit -= len(data)
            self._send(frames.encode(frames.DATA, stream.number, data))
        else:
            stream.local_ended = True
            self._send(frames.encode(frames.END, stream.number))
            if stream.shut:
                self._drop(stream)

    def _drain(self, stream):
        if stream.waiting:
            try:
                sent = stream.sock.send(stream.waiting)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOTCONN:  # a loopback connect that is still under way
                    self._fail(stream)
                return
            del stream.waiting[:sent]
            stream.granted += sent
            self._send(frames.encode(frames.WINDOW, stream.number, frames.U32.pack(sent)))
        if stream.remote_ended and not stream.waiting and not stream.shut:
            stream.shut = True
            try:
                stream.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self._fail(stream)
                return
            if stream.local_ended:
                self._drop(stream)

    def _fail(self, stream):
        self._send(frames.encode(frames.RESET, stream.number))
        self._drop(stream)

    def _drop(self, stream):
        self._streams.pop(stream.number, None)
        watch(self._selector, stream.sock, 0, None)
        stream.sock.close()


def watch(selector, file, mask, data):
    """Register, change or remove `file`, whichever gets it to `mask`."""
    try:
        current = selector.get_key(file).events
    except KeyError:
        current = 0
    if mask == current:
        return
    if not current:
        selector.register(file, mask, data)
    elif mask:
        selector.modify(file, mask, data)
    else:
        selector.unregister(file)
