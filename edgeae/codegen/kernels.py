"""The C kernels: the files of `edgeae/codegen/c`, and what they declare.

A kernel file begins with comment lines: its purpose, and `needs: NAME …` for files that must stand
before it. The prefix `PREFIX_` of its names becomes the name of the model, so that several models
live in one program. A kernel NAME declares the function `PREFIX_NAME`, and, if it has members,
`struct PREFIX_NAME_layer`, one member a line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "c"
_NEEDS = re.compile(r"^ \* needs: (.*)$", re.MULTILINE)
_STRUCT = r"struct PREFIX_{}_layer\s*\{{(.*?)\n\}};"
_MEMBER = re.compile(r"^\s*(?:const )?(\w+) (\*?)(\w+);", re.MULTILINE)
_PREFIX = "PREFIX_"


@dataclass(frozen=True)
class Kernel:
    """One kernel file.

    Attributes:
        name: the file's name without its ending.
        text: the C text.
        needs: names of the files that must stand before it.
        members: names of the members of its struct, in order; empty if it has no struct.
    """

    name: str
    text: str
    needs: tuple[str, ...]
    members: tuple[str, ...]


@cache
def kernel(name: str) -> Kernel:
    """Read a kernel file."""
    text = (_FOLDER / f"{name}.c").read_text(encoding="utf-8")
    needs = tuple(word for line in _NEEDS.findall(text) for word in line.split())
    struct = re.search(_STRUCT.format(name), text, re.DOTALL)
    members = tuple(item[2] for item in _MEMBER.findall(struct[1])) if struct else ()
    return Kernel(name, text, needs, members)


def ordered(names: Iterable[str]) -> tuple[Kernel, ...]:
    """Return the kernels of these names and all that they need, each after what it needs."""
    order: dict[str, Kernel] = {}

    def add(name: str) -> None:
        if name not in order:
            for needed in kernel(name).needs:
                add(needed)
            order[name] = kernel(name)

    for name in sorted(set(names)):
        add(name)
    return tuple(order.values())


def source(item: Kernel, prefix: str) -> str:
    """Return the C text of a kernel, with the model's name in place of `PREFIX`."""
    return item.text.replace(_PREFIX, f"{prefix}_")
