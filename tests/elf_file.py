"""Reads 64-bit little-endian ELF libraries: segments, needed libraries, dynamic symbols."""

import struct
from dataclasses import dataclass
from pathlib import Path

_LOAD, _DYNAMIC, _NEEDED = 1, 2, 1
_SHT_DYNSYM = 11
MACHINES = {62: "x86_64", 183: "aarch64"}


@dataclass(frozen=True)
class Elf:
    """What a loader looks at: `alignments` of the LOAD segments; names of functions and data."""

    machine: str
    kind: int
    alignments: tuple[int, ...]
    needed: tuple[str, ...]
    exported: frozenset[str]
    imported: frozenset[str]


def read(path: Path) -> Elf:
    data = path.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", "no 64-bit little-endian ELF"
    kind, machine = struct.unpack_from("<HH", data, 16)
    program, sections = struct.unpack_from("<QQ", data, 32)
    entry, count, section_entry, section_count = struct.unpack_from("<HHHH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, program + n * entry) for n in range(count)]
    loads = [item for item in segments if item[0] == _LOAD]
    table = [
        struct.unpack_from("<IIQQQQIIQQ", data, sections + n * section_entry)
        for n in range(section_count)
    ]
    (symbols,) = (item for item in table if item[1] == _SHT_DYNSYM)
    strings = table[symbols[6]]
    exported, imported = _symbols(data, symbols, strings[4])
    return Elf(
        MACHINES[machine],
        kind,
        tuple(item[7] for item in loads),
        _needed(data, segments, strings[4]),
        exported,
        imported,
    )


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()


def _needed(data: bytes, segments: list[tuple], strings: int) -> tuple[str, ...]:
    (dynamic,) = (item for item in segments if item[0] == _DYNAMIC)
    offset, size = dynamic[2], dynamic[5]
    entries = [struct.unpack_from("<QQ", data, offset + n) for n in range(0, size, 16)]
    return tuple(_text(data, strings + value) for tag, value in entries if tag == _NEEDED)


def _symbols(data: bytes, section: tuple, strings: int) -> tuple[frozenset[str], frozenset[str]]:
    exported, imported = set(), set()
    for start in range(section[4], section[4] + section[5], 24):
        name, info, _, place = struct.unpack_from("<IBBH", data, start)
        if name and info >> 4 in (1, 2):  # global or weak
            (exported if place else imported).add(_text(data, strings + name))
    return frozenset(exported), frozenset(imported)
