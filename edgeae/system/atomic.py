"""Atomic writes: a reader sees either the whole old file or the whole new one."""

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from edgeae.errors import Busy, naming
from edgeae.system.holding import remove_unless_held

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


def write_bytes(path: Path, content: bytes, *, parents: bool = True) -> None:
    """Write a file under a temporary name, flush it to disk, and rename it to `path`.

    Args:
        path: the file.
        content: the file's new bytes.
        parents: whether to create the folder if it is missing.
    """
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with naming(path), _alone(temporary) as stream:
        try:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _alone(temporary: Path) -> Iterator[BinaryIO]:
    """Open an empty file exclusively; wait while another process has it open through this function.

    The name is always the same, so that a file left by a killed process is used again. The folder
    may belong to another user.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(temporary.lstat().st_mode):
                temporary.unlink()  # a link would lead elsewhere, a pipe would block
        with os.fdopen(os.open(temporary, _FLAGS, 0o666), "wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _is_at(stream, temporary):  # the previous holder did not rename or delete it
                stream.truncate(0)
                yield stream
                return


def _is_at(stream: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_text(path: Path, content: str, *, parents: bool = True) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, content.encode(), parents=parents)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal, as manifests state it."""
    return hashlib.sha256(content).hexdigest()


def publish_folder(finished: Path, link: Path) -> None:
    """Point `link` at the folder `finished` in one step; the replaced folder is deleted.

    If processes still read the replaced folder, the last reader deletes it; see
    `edgeae.system.holding`. A rename cannot replace a folder that is not empty. Therefore the user
    sees a symbolic link, and the rename replaces the link.

    Args:
        finished: a complete folder on the same file system as `link`, beside the folder that it
            replaces.
        link: path that readers open; a link made by this function, or missing.

    Raises:
        Busy: `link` exists and was not made by this function.
    """
    replaced = link.resolve() if link.is_symlink() else None
    foreign = replaced is not None and replaced.parent != finished.resolve().parent
    if foreign or (replaced is None and link.exists()):
        raise Busy(f"{link}: exists and is not a bundle link made by edgeae; move it away")
    for entry in [*finished.rglob("*"), finished]:
        _sync(entry)
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.{os.getpid()}.link")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(finished, link.parent))
    temporary.replace(link)
    _sync(link.parent)
    if replaced is not None and replaced != finished.resolve():
        remove_unless_held(replaced)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock(path: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` for the duration of a `with` block.

    The kernel releases the lock when the process ends, even if it crashes.

    Args:
        path: the lock file; created if missing, and not deleted.
        what: name of the thing that is being written, for the error message.

    Raises:
        Busy: another process holds the lock; the message names the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        while not _locked(stream, fcntl.LOCK_EX):
            # `holder` of another process shares the lock for a moment, and then lets go
            if not _locked(stream, fcntl.LOCK_SH):
                told = _told(stream)
                raise Busy(f"{what}: being written by another edgeae (process {told})")
        with naming(path):
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
        try:
            yield
        finally:
            # closing is not enough: a child that is just being forked also has the descriptor
            fcntl.flock(stream, fcntl.LOCK_UN)


def holder(path: Path) -> str | None:
    """Return the number of the process that holds a `lock`, as text; None if no process does.

    Nobody who takes the lock at the same time is refused. `unknown` for a process that has only
    just taken it.
    """
    try:
        with path.open() as stream:
            return None if _locked(stream, fcntl.LOCK_SH) else _told(stream)
    except FileNotFoundError:
        return None


def _locked(stream: IO[str], kind: int) -> bool:
    """Lock a file if no other lock is in the way; the lock ends when the file is closed."""
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _told(stream: IO[str]) -> str:
    stream.seek(0)
    return stream.read().strip() or "unknown"
