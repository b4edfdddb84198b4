"""Shared locks for reading folders that other processes may replace.

A link shows a finished folder, and is replaced in one step (`atomic.publish_folder`). If no process
reads the replaced folder, the process that replaced it deletes it; otherwise the last reader does.
A lock belongs to an open descriptor; when a process dies, the kernel releases its lock.
"""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

#: Tries to open a folder; a try fails only if the link is replaced during the try.
_TRIES = 100
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextlib.contextmanager
def held(path: Path) -> Iterator[Path]:
    """Keep a folder from being deleted for the duration of a `with` block.

    Args:
        path: the folder, or a link to it.

    Yields:
        The folder to which the link pointed when it was opened.

    Raises:
        OSError: the folder is missing, or is replaced faster than it can be opened.
    """
    folder, descriptor = _open(path)
    try:
        yield folder
    finally:
        # released first: whoever replaces the folder after this look finds no reader
        _release(descriptor)
        if _followed(path) != folder:
            remove_unless_held(folder)


def _open(path: Path) -> tuple[Path, int]:
    """Open and lock a folder; return its real path, and the descriptor that holds the lock."""
    for left in reversed(range(_TRIES)):
        folder = _followed(path)
        try:
            descriptor = os.open(folder, _FLAGS)
        except FileNotFoundError:
            if left and _followed(path) != folder:
                continue  # the link was replaced after it was followed
            raise
        _share(descriptor)
        if _is_there(folder, descriptor):
            return folder, descriptor
        _release(descriptor)  # deleted while this process waited for the lock
    raise FileNotFoundError(errno.ENOENT, "replaced faster than it can be opened", str(path))


def _followed(path: Path) -> Path:
    return path.parent / path.readlink() if path.is_symlink() else path


def _is_there(folder: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    return False


def _share(descriptor: int) -> None:
    # if the file system has no locks, a replaced folder is deleted although processes read it
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def _release(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        # closing is not enough: a child that is just being forked also has the descriptor
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _is_exclusive(descriptor: int) -> bool:
    """Try to lock a folder for this process alone; False if another process reads."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_unless_held(folder: Path) -> None:
    """Delete a replaced folder, unless a process holds it: then the last holder deletes it."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder, _FLAGS)
        try:
            if _is_exclusive(descriptor):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            _release(descriptor)
