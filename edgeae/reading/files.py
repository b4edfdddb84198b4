"""Open foreign files safely: only regular files, opened once, of a bounded size.

A path that a user or a manifest names may be a FIFO, a device, a folder, a link or an endless file.
All reading goes through this module, so that no such file hangs a command or fills the memory.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath

from edgeae.errors import BadInput

#: Largest model file: offsets in a flatbuffer and in a protobuf are signed 32-bit integers.
MODEL_BYTES = (1 << 31) - 1
#: Largest text file. A manifest has about 20 kB; parsed values take twenty times the text's bytes.
TEXT_BYTES = 1 << 23
#: Reading a smaller file takes less than a tenth of a second and little memory; a larger one is
#: checked where it lies first.
LARGE_BYTES = 1 << 26
#: Largest picture: a sheet of 10,000 images.
PICTURE_BYTES = 1 << 28
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


@contextlib.contextmanager
def open_regular(path: Path, most: int | None = None) -> Iterator[BufferedReader]:
    """Open a regular file for the duration of a `with` block; links to a regular file are followed.

    Args:
        path: the file.
        most: largest allowed size in bytes; None for no limit.

    Raises:
        BadInput: the path is a folder, a FIFO, a device or a socket, or the file is too large.
        OSError: the file is missing or cannot be read.
    """
    _check_name(path)
    _check(path, path.stat(), most)  # before opening: opening a device may have effects
    with os.fdopen(os.open(path, _FLAGS), "rb") as stream:
        _check(path, os.fstat(stream.fileno()), most)
        yield stream


def read(path: Path, most: int | None = None) -> bytes:
    """Return a regular file's bytes. See `open_regular`."""
    with open_regular(path, most) as stream:
        return _whole(path, stream, most)


def read_inside(folder: Path, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a regular file in a folder, by an untrusted name.

    Links below the folder are not followed; the path of the folder itself may contain links.

    Args:
        folder: the folder that must hold the file.
        name: path relative to the folder, with slashes.
        most: largest allowed size in bytes; None for no limit.

    Raises:
        BadInput: the name leads out of the folder; or the file is a link, is not regular, or is too
            large.
        OSError: the file is missing or cannot be read.
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
        error.filename = str(path)  # the whole path instead of its last part
        raise


def sha256(path: Path, most: int | None = None) -> str:
    """Return the SHA-256 of a regular file in hexadecimal, without loading the whole file.

    Args, raises: see `open_regular`.
    """
    with open_regular(path, most) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_inside(folder: Path, name: str, most: int | None = None) -> str:
    """Return the SHA-256 of a regular file in a folder; see `read_inside`."""
    with open_inside(folder, name, most) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _opened_inside(
    folder: Path, parts: tuple[str, ...], path: Path, most: int | None
) -> Iterator[BufferedReader]:
    """Open a file one path component at a time, each relative to the folder opened before."""
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
    """Return `name` as a relative path that stays inside its folder.

    Raises:
        BadInput: the name is empty, absolute, leads upwards or holds a control character.
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
    """Read a file to its end; refuse more than `most` bytes, even if the file is still growing."""
    if most is None:
        return stream.read()
    content = stream.read(most + 1)
    if len(content) > most:
        raise _too_large(path, len(content), most)
    return content


def _too_large(path: Path, found: int, most: int) -> BadInput:
    return BadInput(f"{path}: {found:,} bytes; allowed are {most:,} at most")
