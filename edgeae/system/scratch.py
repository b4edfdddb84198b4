"""Temporary folders that a later edgeae deletes where the process that made them was killed.

Each is locked by the process that made it, and the kernel lets go of the lock when that process
ends: a folder that can be locked is nobody's any more.
"""

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeae.errors import naming

_PREFIX = "edgeae-tmp-"
_LOCK = ".lock"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Hold an empty folder below the system's temporary one; delete it when the block ends.

    Raises:
        OSError: it cannot be made; names it.
    """
    place = tempfile.gettempdir()
    _sweep(place)
    folder, lock = _make(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def write_scratch(path: Path, content: bytes) -> None:
    """Write a file that need not outlive the machine's next start.

    Raises:
        OSError: it cannot be written; names it.
    """
    with naming(path):
        path.write_bytes(content)


def _make(place: str) -> tuple[Path, int]:
    """Make a folder; return it and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with contextlib.suppress(FileNotFoundError):  # another process swept it before the lock
            lock = _lock(folder, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


@functools.cache  # once in a process
def _sweep(place: str) -> None:
    """Delete the folders of processes that were killed."""
    for folder in Path(place).glob(f"{_PREFIX}*"):
        # what cannot be locked is in use, somebody else's, or deleted by now: it stays
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            lock = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path, how: int) -> int:
    # a file: a network file system locks no folders
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
