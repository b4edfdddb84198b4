"""Limit the unpacked size of a file.

A few kilobytes can unpack to gigabytes, in archives, in compressed datasets and in sparse ones. All
code that unpacks first asks an `Allowance` for the declared size, and then counts the real bytes.
"""

import os
import zipfile

from edgeae.errors import BadInput
from edgeae.system import memory
from edgeae.text.amounts import parse_bytes

#: Environment variable with the limit, for this process and its children; set by `--max-unpacked`.
VARIABLE = "EDGEAE_MAX_UNPACKED"
_MOST, _LEAST = 4 << 30, 1 << 30
#: Allowed compression methods; Python inflates the other methods without a bound.
_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}


def limit() -> int:
    """Return the largest number of bytes to which one file may unpack.

    It is the user's number; without one, half of the available memory, but at least 1 GiB and at
    most 4 GiB.

    Raises:
        BadInput: the user's value is not a number of bytes.
    """
    said = _said()
    if said is not None:
        return said
    free = memory.available()
    return _MOST if free is None else max(_LEAST, min(_MOST, free // 2))


def _said() -> int | None:
    said = os.environ.get(VARIABLE)
    return parse_bytes(VARIABLE, said) if said else None


class Allowance:
    """Counts the bytes to which one file unpacks, and refuses more than the limit.

    Args:
        origin: name of the file, for errors.
    """

    def __init__(self, origin: str) -> None:
        said = _said()
        # what is allowed anywhere asks for no memory: thousands of small files are read
        self._sure = _LEAST if said is None else said
        self._origin, self._taken = origin, 0

    def take(self, count: int, what: str) -> None:
        """Count bytes that are about to be allocated.

        Args:
            count: number of bytes.
            what: name of the part of the file, for the error.

        Raises:
            BadInput: all bytes together are more than the limit.
        """
        self._taken += count
        if self._taken > self._sure and self._taken > (allowed := limit()):
            raise BadInput(
                f"{self._origin}: {what} unpacks to {_size(self._taken)}; allowed here are "
                f"{_size(allowed)}; --max-unpacked allows more"
            )


def _size(count: int) -> str:
    return f"{count / 2**30:.3g} GiB" if count >= 2**30 else f"{count / 2**20:.3g} MiB"


def read_member(archive: zipfile.ZipFile, name: str, allowance: Allowance) -> bytes:
    """Return the bytes of a member of a zip archive.

    Raises:
        BadInput: the member unpacks to more bytes than allowed.
        ValueError: the member's compression method cannot be bounded.
        KeyError, zipfile.BadZipFile, zlib.error, …: the member is missing or damaged.
    """
    with archive.open(checked_member(archive, name, allowance)) as stream:
        return stream.read()


def checked_member(archive: zipfile.ZipFile, name: str, allowance: Allowance) -> zipfile.ZipInfo:
    """Return the entry of a member that may be read; it never unpacks to more than it declares.

    Raises: see `read_member`.
    """
    found = archive.getinfo(name)
    if found.compress_type not in _METHODS:
        told = " and ".join(_METHODS.values())
        raise ValueError(f"{name} is compressed by method {found.compress_type}; allowed: {told}")
    allowance.take(found.file_size, name)
    return found
