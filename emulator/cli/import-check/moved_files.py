"""Folders of a container, in a folder of the run: what is written at an absolute path lies there, and is found there."""

import builtins
import functools
import io
import os
import pathlib
import shutil

ONE_PATH = "stat lstat access listdir scandir readlink chmod utime truncate mkdir rmdir remove unlink".split()
WRITES = {"mkdir", "chmod", "utime", "truncate"}
TWO_PATHS = "rename replace link symlink".split()
SYSTEM = ("/dev/", "/proc/", "/sys/")


class MovedFiles:
    """A tree above the real one. What is in it hides what the machine has at that path."""

    def __init__(self, world, folder):
        self.world = world
        self.folder = folder
        self.lstat, self.mkdir = os.lstat, os.mkdir

    def there(self, name):
        try:
            self.lstat(name)
        except OSError:
            return False
        return True

    def moved(self, path, writes=False):
        if not isinstance(path, (str, bytes, os.PathLike)):
            return path
        name = os.fsdecode(os.fspath(path))
        if not name.startswith("/") or name.startswith(SYSTEM) or (name + "/").startswith(self.folder + "/"):
            return path
        own = self.world + os.path.normpath(name)
        if not writes:
            return own if self.there(own) else path
        parent = os.path.dirname(os.path.normpath(name))
        if self.there(parent):
            self.make(self.world + parent)
        return own

    def make(self, name):
        """A folder and those above it, past everything that is moved."""
        if not self.there(name):
            self.make(os.path.dirname(name))
            self.mkdir(name)

    def install(self):
        for name in ONE_PATH:
            self.put(name, self.one_path(getattr(os, name), name in WRITES))
        for name in TWO_PATHS:
            self.put(name, self.two_paths(getattr(os, name)))
        self.put("open", self.os_open(os.open))
        shutil.rmtree = self.one_path(shutil.rmtree, True)
        builtins.open = io.open = self.open(io.open)

    def put(self, name, function):
        setattr(os, name, function)
        # Python 3.10's pathlib holds them by itself.
        accessor = getattr(pathlib, "_NormalAccessor", None)
        if accessor is not None and hasattr(accessor, name):
            setattr(accessor, name, staticmethod(function))

    def one_path(self, real, writes):
        @functools.wraps(real)
        def call(path=".", *args, **kwargs):
            return real(self.moved(path, writes), *args, **kwargs)

        return call

    def two_paths(self, real):
        symlink = real.__name__ == "symlink"

        @functools.wraps(real)
        def call(first, second, *args, **kwargs):
            # A link leads to where its target is, or will be.
            return real(self.moved(first, symlink), self.moved(second, True), *args, **kwargs)

        return call

    def os_open(self, real):
        @functools.wraps(real)
        def call(path, flags, *args, **kwargs):
            return real(self.moved(path, bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))), flags, *args, **kwargs)

        return call

    def open(self, real):
        @functools.wraps(real)
        def call(file, mode="r", *args, **kwargs):
            return real(self.moved(file, any(letter in mode for letter in "wax+")), mode, *args, **kwargs)

        return call

