"""Reads 64-bit little-endian Mach-O objects: the machine, and the names of their symbols."""

import struct
from dataclasses import dataclass
from pathlib import Path

_MAGIC, _SYMTAB = 0xFEEDFACF, 2
_STAB, _EXTERNAL, _PRIVATE, _TYPE = 0xE0, 0x01, 0x10, 0x0E
ARM64, OBJECT = 0x0100000C, 1


@dataclass(frozen=True)
class MachO:
    """An object file; `exported` and `imported` are names as C has them, without their `_`."""

    cpu: int
    kind: int
    exported: frozenset[str]
    imported: frozenset[str]


def read(path: Path) -> MachO:
    data = path.read_bytes()
    magic, cpu, _, kind, count = struct.unpack_from("<IIIII", data)
    assert magic == _MAGIC, f"magic {magic:#x}"
    start = 32
    exported, imported = set(), set()
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, start)
        if command == _SYMTAB:
            symbols, number, strings, _ = struct.unpack_from("<IIII", data, start + 8)
            for place in range(symbols, symbols + 16 * number, 16):
                name, flags = struct.unpack_from("<IB", data, place)
                if flags & _STAB or flags & _PRIVATE or not flags & _EXTERNAL:
                    continue
                first = strings + name
                text = data[first : data.index(b"\0", first)].decode()
                assert text.startswith("_")
                (exported if flags & _TYPE else imported).add(text[1:])
        start += size
    return MachO(cpu, kind, frozenset(exported), frozenset(imported))
