"""The machine's lock, which every bench and gate holds: only one measurement runs at a time.

The lock is a file in the system's temporary folder, shared by all projects, and every user may lock
it; `EDGEAE_LOCK` names another file. When a process dies, the system releases its lock.
"""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeae.errors import BadInput, Busy
from edgeae.system.scratch import shared

#: Default of the longest wait for another measurement, in seconds.
WAIT_S = 600.0
_NAME = "edgeae-bench.lock"
_POLL_S = 0.1
#: Locks that this process holds; nested requests for them succeed at once.
_HELD: set[Path] = set()


@contextlib.contextmanager
def host_lock(say: Callable[[str], None], wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the machine's lock for the duration of a `with` block.

    Args:
        say: receives one message, with the holder, if the lock is held by another process.
        wait_s: the longest wait, in seconds.

    Raises:
        Busy: another process still holds the lock after `wait_s`.
        BadInput: the lock's file is not a regular file.
    """
    path = Path(os.environ.get("EDGEAE_LOCK") or Path(shared(), _NAME)).absolute()
    if path in _HELD:
        yield
        return
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, say, wait_s)
        _HELD.add(path)
        _sign(descriptor)
        yield
    finally:
        _HELD.discard(path)
        os.close(descriptor)  # releases the lock


def _open(path: Path) -> int:
    """Open the lock's file, or create it so that every user can lock it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        # without O_CREAT: in a sticky folder Linux refuses O_CREAT for another user's file
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        descriptor = _create(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(f"{path}: not a regular file; EDGEAE_LOCK names another place")
    return descriptor


def _create(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, flags)  # another process created the file first
    os.fchmod(descriptor, 0o666)  # independent of the umask
    return descriptor


def _acquire(descriptor: int, path: Path, say: Callable[[str], None], wait_s: float) -> None:
    deadline, told = time.monotonic() + wait_s, False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _holder(descriptor)
        if time.monotonic() >= deadline:
            raise Busy(
                f"{path}: {holder} is measuring on this machine; waited {wait_s:.0f} s, "
                "--wait SECONDS waits longer"
            )
        if not told:
            say(f"waiting at most {wait_s:.0f} s: {holder} is measuring on this machine")
            told = True
        time.sleep(_POLL_S)


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 20, 0).strip()
    return f"process {int(text)}" if text.isdigit() else "another process"
