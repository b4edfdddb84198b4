"""The limit on what a file unpacks to: it may declare, and inflate to, any size.

A few kilobytes can stand for gigabytes, in archives, in compressed and in sparse datasets. Whoever
unpacks asks an `Allowance` first, by what the file declares, and counts what really comes.
"""

import os
import zipfile

from edgeae.errors import BadInput
from edgeae.system import memory
from edgeae.text.amounts import parse_bytes

#: Raises or lowers the limit, in this process and its children; `--max-unpacked` sets it.
VARIABLE = "EDGEAE_MAX_UNPACKED"
_MOST, _LEAST = 4 << 30, 1 << 30
#: Python inflates the other methods without a bound.
_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}


def limit() -> int:
    """Return the most bytes that one file may unpack to.

    Half of the available memory, 4 GiB at most and 1 GiB at least, unless the user said a number.

    Raises:
        BadInput: what the user said is no number of bytes.
    """
    said = os.environ.get(VARIABLE)
    if said:
        return parse_bytes(VARIABLE, said)
    free = memory.available()
    return _MOST if free is None else max(_LEAST, min(_MOST, free // 2))


class Allowance:
    """How much one file may still unpack to.

    Args:
        origin: the file, for errors.
    """

    def __init__(self, origin: str) -> None:
        self._origin, self._limit, self._taken = origin, limit(), 0

    def take(self, count: int, what: str) -> None:
        """Count bytes that are about to be allocated.

        Args:
            count: how many.
            what: of the file, for the error.

        Raises:
            BadInput: with them it is more than the limit.
        """
        self._taken += count
        if self._taken > self._limit:
            raise BadInput(
                f"{self._origin}: {what} unpacks to {_size(self._taken)}; allowed here are "
                f"{_size(self._limit)}, --max-unpacked allows more"
            )


def _size(count: int) -> str:
    return f"{count / 2**30:.3g} GiB" if count >= 2**30 else f"{count / 2**20:.3g} MiB"


def read_member(archive: zipfile.ZipFile, name: str, allowance: Allowance) -> bytes:
    """Return a member of a zip archive.

    Raises:
        BadInput: it unpacks to more than is allowed.
        ValueError: it is compressed by a method that cannot be bounded.
        KeyError, zipfile.BadZipFile, zlib.error, …: it is missing or damaged.
    """
    with archive.open(checked_member(archive, name, allowance)) as stream:
        return stream.read()


def checked_member(archive: zipfile.ZipFile, name: str, allowance: Allowance) -> zipfile.ZipInfo:
    """Return the entry of a member that may be read; it never gives more than it declares.

    Raises: see `read_member`.
    """
    found = archive.getinfo(name)
    if found.compress_type not in _METHODS:
        told = " and ".join(_METHODS.values())
        raise ValueError(f"{name} is compressed by method {found.compress_type}; allowed: {told}")
    allowance.take(found.file_size, name)
    return found
