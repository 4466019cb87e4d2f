"""A private mount namespace in which folders stand where production has them (/data, /app). Linux only."""

import ctypes
import errno
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (name, os.strerror(code)))


def _mount(source, target, kind, flags):
    _call("mount", source and source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), None)


def map_folders(folders, scratch):
    """Show each {target: source} of `folders` at its target, to this process and its children only.

    Root gets a mount namespace; others a user namespace around it, in which they keep their own uid. Raises
    OSError where the kernel refuses, and has changed nothing then. `scratch` is an empty folder of ours.
    """
    # A namespace that was entered cannot be left, and some systems refuse only what comes after (Ubuntu from 23.10 by
    # AppArmor): we would go on as user nobody.
    _try_in_child(lambda: _map(folders, scratch))
    _map(folders, scratch)


def _try_in_child(action):
    """Raise OSError if a child of ours cannot do it; what it mounts goes with it."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        except OSError as error:
            os.write(write_end, ("%d %s" % (error.errno or errno.EPERM, error.strerror)).encode("utf-8", "replace"))
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        code, _, text = pipe.read().decode("utf-8", "replace").partition(" ")
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise OSError(int(code or errno.EPERM), text or "the folders cannot be mounted")


def _map(folders, scratch):
    _enter_namespace()
    # Else what we mount would show up in the namespace that we left.
    _mount(None, "/", None, MS_REC | MS_SLAVE)
    if all(os.path.isdir(target) for target in folders):
        for target, source in folders.items():
            _mount(source, target, None, MS_BIND | MS_REC)
    else:
        _new_root(folders, scratch)


def _enter_namespace():
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        try:
            _call("unshare", CLONE_NEWNS)
            return
        except PermissionError:
            pass  # Root of a container without CAP_SYS_ADMIN: a user namespace may still be allowed.
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def _new_root(folders, scratch):
    """Build a root of bind mounts: a target that is missing on this machine can be made there, and only there."""
    _mount("tmpfs", scratch, "tmpfs", 0)
    wanted = {target.strip("/"): source for target, source in folders.items()}
    for name in sorted(set(os.listdir("/")) - set(wanted)):
        path, copy = "/" + name, os.path.join(scratch, name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), copy)
        elif os.path.isdir(path):
            os.mkdir(copy)
            _mount(path, copy, None, MS_BIND | MS_REC)
        else:
            open(copy, "w").close()
            _mount(path, copy, None, MS_BIND)
    for name, source in wanted.items():
        os.mkdir(os.path.join(scratch, name))
        _mount(source, os.path.join(scratch, name), None, MS_BIND | MS_REC)
    number = PIVOT_ROOT.get(platform.machine())
    os.chdir(scratch)
    if number is None:
        os.chroot(".")
    else:
        # The old root ends up stacked on the new one and is then taken away (pivot_root(2), "pivot_root(".", ".")").
        _call("syscall", ctypes.c_long(number), b".", b".")
        _call("umount2", b".", MNT_DETACH)
    os.chdir("/")
