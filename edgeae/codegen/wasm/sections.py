"""Reads the sections of a WebAssembly module."""

from collections.abc import Iterator
from typing import NamedTuple

from edgeae.errors import BadInput

_HEAD = b"\0asm\x01\0\0\0"
#: Numbers of sections, see the specification of WebAssembly.
CUSTOM, IMPORT, CODE, DATA = 0, 2, 10, 11


class Section(NamedTuple):
    """A section: its number, and its bytes with and without number and size."""

    number: int
    whole: bytes
    content: bytes


def sections(module: bytes) -> Iterator[Section]:
    """Yield the sections of a module, in order.

    Raises:
        BadInput: it is no module, or cut off.
    """
    if not module.startswith(_HEAD):
        raise BadInput("not a WebAssembly module")
    start = len(_HEAD)
    while start < len(module):
        size, content = _leb(module, start + 1)
        if content + size > len(module):
            raise BadInput("the WebAssembly module is cut off")
        yield Section(module[start], module[start : content + size], module[content:][:size])
        start = content + size


def without_custom(module: bytes) -> bytes:
    """Return a module without names, producers and other sections that engines do not need."""
    return _HEAD + b"".join(item.whole for item in sections(module) if item.number != CUSTOM)


def section_bytes(module: bytes) -> dict[int, int]:
    """Return number of a section → its bytes, without custom ones."""
    return {item.number: len(item.whole) for item in sections(module) if item.number != CUSTOM}


def _leb(module: bytes, place: int) -> tuple[int, int]:
    """Return an unsigned number in LEB128, and the place behind it."""
    value = shift = 0
    while True:
        if place >= len(module):
            raise BadInput("the WebAssembly module is cut off")
        byte = module[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
