"""The processes below the agent: found, measured, killed."""

import ctypes
import os
import signal
import subprocess
import sys
import time

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option, value):
    """Call prctl(2); a no-op where there is none."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def adopt_orphans():
    """Make double-forked grandchildren ours instead of init's, so that no walk of the tree can miss them (Linux)."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent():
    """Ask the kernel to kill this process when its parent dies, even while native code holds the GIL (Linux)."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _parents():
    """Map of pid to parent pid of all processes."""
    if not LINUX:
        out = subprocess.run(["ps", "-axo", "pid=,ppid="], stdout=subprocess.PIPE, check=False).stdout
        rows = (line.split() for line in out.decode("ascii", "replace").splitlines())
        return {int(row[0]): int(row[1]) for row in rows if len(row) == 2}
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as stat:
                    # The command in parentheses may itself hold blanks and parentheses.
                    parents[int(name)] = int(stat.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    return parents


def descendants(root):
    """Pids below `root`, without it."""
    children = {}
    for pid, parent in _parents().items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            found.append(pid)
            waiting.append(pid)
    return found


def kill_descendants(root, seconds=5.0):
    """Kill all below `root` and reap them. Loops, since a dying tree may still fork.

    Return the pids that would not die.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = [pid for pid in descendants(root) if not _is_zombie(pid)]
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        reap()
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.005)


def reap():
    """Collect all children that ended: a list of (pid, wait status)."""
    ended = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def _is_zombie(pid):
    if not LINUX:
        return False
    try:
        with open("/proc/%d/stat" % pid, "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):
        return True


def _children(pid):
    """Children by the kernel's own list, which costs no walk over all processes."""
    found = []
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task), "rb") as children:
            found.extend(int(child) for child in children.read().split())
    return found


def _tree(root):
    try:
        found, waiting = [], [root]
        while waiting:
            pid = waiting.pop()
            try:
                below = _children(pid)
            except (FileNotFoundError, ProcessLookupError):
                if pid == root:
                    raise
                continue
            found.extend(below)
            waiting.extend(below)
        return found
    except OSError:
        return descendants(root)


def oom_kills():
    """How many processes of this container the kernel has killed for want of memory; None where it does not tell."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path, "rb") as file:
                for line in file:
                    name, _, value = line.partition(b" ")
                    if name == b"oom_kill":
                        return int(value)
        except (OSError, ValueError):
            continue
    return None


def memory(root, precise_above):
    """Resident bytes below `root`.

    The plain sum counts pages that processes share once for each of them, and those of mapped files, which the kernel
    takes back before it lets a container die of them. Past `precise_above` both are left out, which is dearer.
    """
    if not LINUX:
        below = set(descendants(root))
        out = subprocess.run(["ps", "-axo", "pid=,rss="], stdout=subprocess.PIPE, check=False).stdout
        rows = (line.split() for line in out.decode("ascii", "replace").splitlines())
        return sum(int(row[1]) * 1024 for row in rows if len(row) == 2 and int(row[0]) in below)
    pids = _tree(root)
    total = sum(_resident(pid) for pid in pids)
    if total <= precise_above:
        return total
    if len(pids) == 1:
        return _fields("/proc/%d/status" % pids[0], (b"RssAnon", b"RssShmem")) or total
    return sum(_proportional(pid) for pid in pids)


def _resident(pid):
    try:
        with open("/proc/%d/statm" % pid, "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid):
    path = "/proc/%d/smaps_rollup" % pid
    # Kernels before 5.4 tell the sum alone.
    return _fields(path, (b"Pss_Anon", b"Pss_Shmem")) or _fields(path, (b"Pss",)) or _resident(pid)


def _fields(path, names):
    """Sum of these lines of a file of `Name: n kB` lines, in bytes; 0 where it has none of them."""
    total = 0
    try:
        with open(path, "rb") as file:
            for line in file:
                name, _, value = line.partition(b":")
                if name in names:
                    total += int(value.split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return 0
    return total
