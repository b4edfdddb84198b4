"""Folders that are replaced while others read them: whoever reads holds a shared lock.

A finished folder is shown by a link, which is replaced in one step (`atomic.publish_folder`). What
the link no longer shows is deleted by whoever is last: by the one that replaced it if nobody reads,
else by the last reader. A lock belongs to an open descriptor; a process that dies lets go of it.
"""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

#: Links are replaced at most as often as somebody publishes; each try meets a folder that is whole.
_TRIES = 100
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextlib.contextmanager
def held(path: Path) -> Iterator[Path]:
    """Keep a folder from being deleted for the duration of a `with` block.

    Args:
        path: the folder, or a link to it.

    Yields:
        the folder itself: what the link showed when it was opened.

    Raises:
        OSError: there is none, or it is replaced faster than it can be opened.
    """
    folder, descriptor = _open(path)
    try:
        yield folder
    finally:
        if _followed(path) != folder and _is_exclusive(descriptor):
            shutil.rmtree(folder, ignore_errors=True)  # the last one that reads what was replaced
        _release(descriptor)


def _open(path: Path) -> tuple[Path, int]:
    """Open a folder and lock it; return where it lies, and a descriptor that holds the lock."""
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
    # where a file system has no locks, a folder that is replaced is deleted under its readers
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def _release(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        # not by closing alone: a child that is just being forked has the descriptor, too
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _is_exclusive(descriptor: int) -> bool:
    """Turn a lock into an exclusive one, unless another process reads."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_unless_held(folder: Path) -> None:
    """Delete a folder that no link shows, unless a process holds it: the last one deletes it."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder, _FLAGS)
        try:
            if _is_exclusive(descriptor):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            _release(descriptor)
