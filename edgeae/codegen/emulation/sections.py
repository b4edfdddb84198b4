"""Reads the sections of an ELF file, where no `size` of the cross compiler is installed."""

import struct
from pathlib import Path
from typing import NamedTuple

from edgeae.errors import NotMeasured

_MAGIC = b"\x7fELF"


class _Layout(NamedTuple):
    """Where a class of ELF files keeps what is read here, as offsets and struct formats."""

    table: tuple[int, str]  # in the head of the file: where the table of sections is
    counts: tuple[int, str]  # entry size, number of entries, and the entry of the names
    entry: tuple[int, str]  # in an entry: offset and size of the section


#: Byte 4 of the file → layout: 1 is 32 bits, 2 is 64 bits; all are little-endian.
_LAYOUTS = {
    1: _Layout((32, "<I"), (46, "<HHH"), (16, "<II")),
    2: _Layout((40, "<Q"), (58, "<HHH"), (24, "<QQ")),
}


def section_bytes(path: Path) -> dict[str, int]:
    """Return section → bytes.

    Raises:
        NotMeasured: the file is no ELF file.
    """
    content = path.read_bytes()
    if content[:4] != _MAGIC or content[4] not in _LAYOUTS:
        raise NotMeasured(f"{path.name}: no ELF file")
    layout = _LAYOUTS[content[4]]
    (table,) = _unpack(content, layout.table, 0)
    size, count, names = _unpack(content, layout.counts, 0)
    entries = [table + size * place for place in range(count)]
    texts, _ = _unpack(content, layout.entry, entries[names])
    found: dict[str, int] = {}
    for entry in entries:
        start = texts + struct.unpack_from("<I", content, entry)[0]
        name = content[start : content.index(b"\0", start)].decode()
        found[name] = found.get(name, 0) + _unpack(content, layout.entry, entry)[1]
    return found


def _unpack(content: bytes, place: tuple[int, str], base: int) -> tuple[int, ...]:
    return struct.unpack_from(place[1], content, base + place[0])
