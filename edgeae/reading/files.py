"""Opening files that somebody else made: regular files only, opened once, of a bounded size.

A path that a user or a manifest names may be a FIFO, a device, a folder, a link or an endless file.
What is read goes through this module, so that none of them hangs a command or fills the memory.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath

from edgeae.errors import BadInput

#: A flatbuffer and a protobuf cannot be larger: their offsets are signed 32-bit integers.
MODEL_BYTES = (1 << 31) - 1
#: A manifest has about 20 kB, and what a text stands for takes twenty times its bytes.
TEXT_BYTES = 1 << 23
#: A sheet of 10,000 images.
PICTURE_BYTES = 1 << 28
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


@contextlib.contextmanager
def open_regular(path: Path, most: int | None = None) -> Iterator[BufferedReader]:
    """Open a regular file for the duration of a `with` block; links that lead to one are followed.

    Args:
        path: the file.
        most: the most bytes that it may have; None for any number.

    Raises:
        BadInput: it is a folder, a FIFO, a device or a socket, or too large.
        OSError: there is none, or it cannot be read.
    """
    _check_name(path)
    _check(path, path.stat(), most)  # a device is not even opened
    with os.fdopen(os.open(path, _FLAGS), "rb") as stream:
        _check(path, os.fstat(stream.fileno()), most)
        yield stream


def read(path: Path, most: int | None = None) -> bytes:
    """Return a regular file's bytes. See `open_regular`."""
    with open_regular(path, most) as stream:
        return _whole(path, stream, most)


def read_inside(folder: Path, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a regular file in a folder, by a name that somebody else wrote.

    No link below the folder is followed; the folder itself may be reached through one.

    Args:
        folder: that the file must lie in.
        name: relative to it, with slashes.
        most: the most bytes that the file may have; None for any number.

    Raises:
        BadInput: the name leads out of the folder, or what has it is a link, is no regular file or
            is too large.
        OSError: there is none, or it cannot be read.
    """
    with open_inside(folder, name, most) as stream:
        return _whole(folder / name, stream, most)


@contextlib.contextmanager
def open_inside(folder: Path, name: str, most: int | None = None) -> Iterator[BufferedReader]:
    """Open a regular file in a folder for the duration of a `with` block; see `read_inside`."""
    path = folder / plain_name(name)
    try:
        with _opened_inside(folder, path.relative_to(folder).parts, path, most) as stream:
            yield stream
    except OSError as error:
        error.filename = str(path)  # not the last part of it alone
        raise


def sha256(path: Path, most: int | None = None) -> str:
    """Return the hash of a regular file, in hexadecimal, without its bytes in memory.

    Args, raises: see `open_regular`.
    """
    with open_regular(path, most) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_inside(folder: Path, name: str, most: int | None = None) -> str:
    """Return the hash of a regular file in a folder; see `read_inside`."""
    with open_inside(folder, name, most) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _opened_inside(
    folder: Path, parts: tuple[str, ...], path: Path, most: int | None
) -> Iterator[BufferedReader]:
    """Open a file part by part, each relative to the folder that was opened before."""
    *parents, last = parts
    with contextlib.ExitStack() as opened:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, place)
        for part in parents:
            _check_no_link(path, os.stat(part, dir_fd=place, follow_symlinks=False))
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            place = os.open(part, flags, dir_fd=place)
            opened.callback(os.close, place)
        _check(path, os.stat(last, dir_fd=place, follow_symlinks=False), most)
        descriptor = os.open(last, _FLAGS | os.O_NOFOLLOW, dir_fd=place)
        stream = opened.enter_context(os.fdopen(descriptor, "rb"))
        _check(path, os.fstat(descriptor), most)
        yield stream


def plain_name(name: str) -> PurePosixPath:
    """Return a relative path that stays inside the folder that it is relative to.

    Raises:
        BadInput: it is empty, absolute, leads upwards or holds a control character.
    """
    place = PurePosixPath(name)
    plain = name and not place.is_absolute() and place.parts and ".." not in place.parts
    if not plain or not name.isprintable() or "\\" in name:
        raise BadInput(f"path = {name!r}: allowed is a plain name inside the folder")
    return place


def _check_name(path: Path) -> None:
    if "\0" in str(path):
        raise BadInput(f"{str(path)!r}: a path cannot hold a NUL character")


def _check(path: Path, found: os.stat_result, most: int | None) -> None:
    _check_no_link(path, found)
    if stat.S_ISDIR(found.st_mode):
        raise BadInput(f"{path}: a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{path}: not a regular file")
    if most is not None and found.st_size > most:
        raise _too_large(path, found.st_size, most)


def _check_no_link(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise BadInput(f"{path}: a link; allowed is a regular file in its place")


def _whole(path: Path, stream: BufferedReader, most: int | None) -> bytes:
    """Read to the end of a file that may grow meanwhile."""
    if most is None:
        return stream.read()
    content = stream.read(most + 1)
    if len(content) > most:
        raise _too_large(path, len(content), most)
    return content


def _too_large(path: Path, found: int, most: int) -> BadInput:
    return BadInput(f"{path}: {found:,} bytes; allowed are {most:,} at most")
