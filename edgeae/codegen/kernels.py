"""The C kernels: the files of `edgeae/codegen/c`, and what they declare.

A kernel file begins with comment lines: its purpose, and `needs: NAME …` for files that must stand
before it. The prefix `PREFIX_` of its names becomes the name of the model, so that several models
live in one program. A kernel NAME declares the function `PREFIX_NAME`, and, if it has members,
`struct PREFIX_NAME_layer`, one member a line.

A file with ENCODING or TYPE in its name is one kernel for each encoding of weights and for each
element type: the same words stand in its text. There, WEIGHT_T, INPUT_T, SUM_T and FACTOR_T are the
C types of a stored weight, of the input, of a sum, and of a weight as it is multiplied. A file
whose name says more goes before one whose name says less.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgeae.formats.weight_encoding import ENCODINGS

_FOLDER = Path(__file__).parent / "c"
_NEEDS = re.compile(r"^ \* needs: (.*)$", re.MULTILINE)
_STRUCT = r"struct PREFIX_{}_layer\s*\{{(.*?)\n\}};"
_MEMBER = re.compile(r"^\s*(?:const )?(\w+) (\*?)(\w+);", re.MULTILINE)
_PREFIX = "PREFIX_"
#: Element type in the name of a kernel → what stands for its C types.
_TYPES = {
    "int8": ("int8_t", "int8_t", "int32_t", "int32_t"),
    "int16": ("int8_t", "int16_t", "int64_t", "int32_t"),
    "float32": ("float", "float", "float", "float"),
    "float16": ("uint16_t", "float", "float", "float"),
}
_TYPE_WORDS = ("WEIGHT_T", "INPUT_T", "SUM_T", "FACTOR_T")
#: Encodings as they stand in names, the longest first.
_ENCODINGS = sorted((item.replace("-", "_") for item in ENCODINGS), key=len, reverse=True)


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
    text = _text(name)
    needs = tuple(word for line in _NEEDS.findall(text) for word in line.split())
    struct = re.search(_STRUCT.format(name), text, re.DOTALL)
    members = tuple(item[2] for item in _MEMBER.findall(struct[1])) if struct else ()
    return Kernel(name, text, needs, members)


def _text(name: str) -> str:
    """Return the text of a kernel's file, for its encoding and its element type."""
    words = {"ENCODING": _part(name, _ENCODINGS), "TYPE": _part(name, _TYPES)}
    for chosen in ((), ("ENCODING",), ("TYPE",), ("TYPE", "ENCODING")):
        template = name
        for word in chosen:
            template = template.replace(words[word], word) if words[word] else ""
        path = _FOLDER / f"{template}.c"
        if template and path.exists():
            text = path.read_text(encoding="utf-8")
            return _filled(text, {word: words[word] for word in chosen})
    raise FileNotFoundError(_FOLDER / f"{name}.c")


def _part(name: str, known: Iterable[str]) -> str:
    """Return the first of the known words that is a part of a name; empty if none is."""
    return next((item for item in known if f"_{item}_" in f"_{name}_"), "")


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    for word, value in zip(_TYPE_WORDS, _TYPES.get(words.get("TYPE", ""), ()), strict=False):
        text = text.replace(word, value)
    return text


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
