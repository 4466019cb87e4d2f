"""What a run on stand-ins may not do: start programs, use the network, write outside of its folder, or take its time."""

import asyncio
import base64
import io
import itertools
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import time
import typing
import urllib.request
import uuid

from moved_files import MovedFiles
from recording_stubs import Stub, content_of, trace


def settle(folder, volumes=()):
    """Makes this process repeatable and harmless. `folder`: the only place for files; `volumes`: folders that are there."""
    random.seed(0)
    count = [0]

    def number():
        count[0] += 1
        return uuid.UUID(int=count[0])

    uuid.uuid4 = number
    os.urandom = lambda size: b"\1" * size
    still_clock()
    stubs_are_taken()
    for name in ("Popen", "run", "call", "check_call", "check_output"):
        setattr(subprocess, name, Stub("subprocess.%s" % name))
    for name in ("create_subprocess_exec", "create_subprocess_shell"):
        setattr(asyncio, name, Stub("asyncio.%s" % name))
    os.system = Stub("os.system")
    real_open = urllib.request.urlopen

    def open_url(url, *args, **kwargs):
        address = getattr(url, "full_url", url)
        if isinstance(address, str) and address.startswith("data:"):
            return real_open(url, *args, **kwargs)
        return Stub("urllib.request.urlopen")(address)

    urllib.request.urlopen = open_url
    urllib.request.urlretrieve = Stub("urllib.request.urlretrieve")
    # What waits for a program that it started finds it there.
    socket.create_connection = Stub("socket.create_connection")
    moved = MovedFiles(os.path.join(folder, "world"), folder)
    change, home = os.chdir, os.getcwd()
    moved.install()
    for name in volumes:
        os.makedirs(name, exist_ok=True)
    # The working folder of an image is the app's own folder here.
    os.chdir = lambda path: change(moved.moved(path) if inside(moved.moved(path)) and os.path.isdir(path) else home)

    def inside(path):
        return os.path.realpath(os.fspath(path)).startswith(os.path.realpath(folder))

    def watch(event, args):
        if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.kill"):
            raise PermissionError("%s is not done on stand-ins" % event)
        if event == "socket.connect" and isinstance(args[1], tuple):
            raise PermissionError("the network is not used on stand-ins")
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        changes = event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree", "os.symlink")
        if writes or changes:
            target = args[1] if event in ("os.rename", "os.symlink") else args[0]
            if isinstance(target, (str, bytes, os.PathLike)) and not inside(target) and target != os.devnull:
                raise PermissionError("%s: nothing is written outside of the check's folder" % event)

    sys.addaudithook(watch)
    trace.clear()


def stubs_are_taken():
    """Parts of the standard library that want bytes, JSON or types take stand-ins for them."""

    class BytesIO(io.BytesIO):
        def __init__(self, content=b""):
            super().__init__(content_of(content))

        def write(self, content):
            return super().write(content_of(content))

    encode, decode, write = base64.b64encode, base64.b64decode, pathlib.Path.write_bytes
    loads, convert = json.loads, typing._type_convert
    io.BytesIO = BytesIO
    base64.b64encode = lambda content, *args: encode(content_of(content), *args)
    base64.b64decode = lambda text, *args, **kw: content_of(text) if isinstance(text, Stub) else decode(text, *args, **kw)
    pathlib.Path.write_bytes = lambda self, content: write(self, content_of(content))
    json.loads = lambda text, *args, **kw: text if isinstance(text, Stub) else loads(text, *args, **kw)
    # A stand-in is a text, which typing would take for the name of a type.
    typing._type_convert = lambda arg, *args, **kw: typing.Any if isinstance(arg, Stub) else convert(arg, *args, **kw)


def still_clock():
    """Time passes only by sleeping, which takes none, and a little at each look at a clock of nanoseconds."""
    slept = [0.0]

    def ticking(start):
        looks = itertools.count(start, 1_000_000)
        return lambda: next(looks) + int(slept[0] * 1e9)
    monotonic, pause = time.monotonic, asyncio.sleep

    def sleep(seconds):
        slept[0] += seconds if isinstance(seconds, (int, float)) else 0

    async def sleep_async(seconds, result=None):
        sleep(seconds)
        return await pause(0, result)

    time.time = lambda: 1_000_000_000.0 + slept[0]
    time.perf_counter = lambda: 1.0 + slept[0]
    time.monotonic = lambda: monotonic() + slept[0]
    time.time_ns, time.monotonic_ns, time.perf_counter_ns = ticking(10**18), ticking(10**9), ticking(10**9)
    time.sleep, asyncio.sleep = sleep, sleep_async
