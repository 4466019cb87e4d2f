"""Wire format of the link, shared by agent and harness; the twin of engines/link/frames.ts.

A frame is a 9-byte header (type u8, stream u32, length u32, big endian) and its payload.
"""

import json
import struct

VERSION = 1

HELLO = 0  # runner -> emulator: {version, pid}
OPEN = 1  # a stream was opened; the payload names its target
DATA = 2
END = 3  # no more data in this direction
RESET = 4  # the stream is gone, in both directions
WINDOW = 5  # u32 more bytes of credit
SIGNAL = 6  # emulator -> runner: a signal number, or "kill" for the whole tree
EXITED = 7  # runner -> emulator: {code, signal, cause}, the last frame
LOG = 8  # runner -> emulator: {level, request, at, text}
STATE = 9  # runner -> emulator: {phase, ...}
START = 10  # emulator -> runner: what to run
BEGIN = 11  # harness -> agent: a request begins; the payload is its id, the stream 1 where no raw output waited then
FINISH = 12  # harness -> agent -> emulator: that request ended, and its last LOG frame was before this one
MEMORY = 13  # runner -> emulator: u64 resident bytes of the whole tree
DEBUG = 14  # emulator -> agent -> harness: {host, port} of the debug adapter that waits for the app
PREPARE = 15  # emulator -> runner: start all of it but the app, and wait for START

HEAD = struct.Struct("!BII")
U32 = struct.Struct("!I")
U64 = struct.Struct("!Q")

# LIMITS.frameBytes and LIMITS.linkStreams of contract/limits.ts.
MAX_FRAME = 1 << 20
MAX_STREAMS = 4096
# Twice LIMITS.logLineBytes: the emulator takes secrets out before it cuts, and would not know one that was cut here.
MAX_LINE = 32 * 1024

# Credit of each stream and direction, and the largest DATA frame that is sent.
WINDOW_BYTES = 256 * 1024
CHUNK = 64 * 1024


class ProtocolError(Exception):
    """The other end broke the protocol; the link cannot go on."""


def encode(kind, stream=0, payload=b""):
    """One frame as bytes."""
    return HEAD.pack(kind, stream, len(payload)) + payload


def encode_json(kind, value):
    """One frame with a JSON payload that belongs to no stream."""
    return encode(kind, 0, json.dumps(value).encode("utf-8"))


class Decoder:
    """Cuts a byte stream into frames."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """Yield (type, stream, payload) of each frame that is complete."""
        buffer = self._buffer
        buffer += data
        offset = 0
        try:
            while len(buffer) - offset >= HEAD.size:
                kind, stream, length = HEAD.unpack_from(buffer, offset)
                if length > MAX_FRAME:
                    raise ProtocolError("a frame of %d bytes" % length)
                end = offset + HEAD.size + length
                if len(buffer) < end:
                    break
                payload = bytes(buffer[offset + HEAD.size : end])
                offset = end
                yield kind, stream, payload
        finally:
            del buffer[:offset]
