"""Temporary folders; if their process is killed, a later edgeae process deletes them.

The process that creates a folder locks it, and the kernel releases the lock when the process ends.
Therefore a folder that can be locked is no longer in use.
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
#: Variable of children, whose own temporary folder is another: see `shared`.
SHARED = "EDGEAE_SHARED_TMP"


def shared() -> str:
    """Return the folder for temporary files that all processes of this machine share."""
    return os.environ.get(SHARED) or tempfile.gettempdir()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Create an empty folder in the system's temporary folder; delete it when the block ends.

    Raises:
        OSError: the folder cannot be created; the error names it.
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
    """Write a temporary file, without flushing it to disk.

    Raises:
        OSError: the file cannot be written; the error names it.
    """
    with naming(path):
        path.write_bytes(content)


def _make(place: str) -> tuple[Path, int]:
    """Create a folder; return its path and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with contextlib.suppress(FileNotFoundError):  # deleted by another process before the lock
            lock = _lock(folder, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


@functools.cache  # once per process
def _sweep(place: str) -> None:
    """Delete the folders of processes that were killed."""
    for folder in Path(place).glob(f"{_PREFIX}*"):
        # a folder that cannot be locked is in use, another user's, or already deleted
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            lock = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path, how: int) -> int:
    # lock a file, because network file systems cannot lock folders
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
