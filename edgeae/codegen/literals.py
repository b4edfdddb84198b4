"""Numbers, arrays and names as C text."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from edgeae.codegen.step import Constant
from edgeae.errors import BadInput

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Words that C or C++ reserves.
_RESERVED = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while class namespace template this new delete bool true false try catch throw public
private protected virtual operator friend using
"""
_LINE = 100


def checked_name(name: str) -> str:
    """Return a name with which all names of a part can begin in C and C++.

    Raises:
        BadInput: they do not take it.
    """
    if not _IDENTIFIER.fullmatch(name) or name in _RESERVED.split():
        raise BadInput(
            f"--name {name!r:.60}: allowed are names of C: a letter, then letters, digits and _"
        )
    return name


def integer(value: int) -> str:
    """Return an integer as C; the smallest ones cannot be written as a minus and a number."""
    if value == -(1 << 63):
        return "(-9223372036854775807 - 1)"
    if value == -(1 << 31):
        return "(-2147483647 - 1)"
    return f"{value}u" if value >= 1 << 31 else str(value)


def real(value: float) -> str:
    """Return a float32 as C: nine digits give back the same value."""
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"


def double(value: float) -> str:
    """Return a float64 as C."""
    return repr(float(value))


def array(name: str, item: Constant, storage: str = "static const") -> str:
    """Return the definition of a constant array."""
    values = item.values.view(np.uint16) if item.values.dtype == np.float16 else item.values
    write = {"f": real, "d": double}.get(values.dtype.char, integer)
    texts = [write(value) for value in values.tolist()]
    lines = "\n".join(_wrapped(texts or ["0"]))
    aligned = f" __attribute__((aligned({item.alignment})))" if item.alignment > 1 else ""
    return f"{storage} {item.c_type} {name}[{max(len(texts), 1)}]{aligned} = {{\n{lines}\n}};\n"


def comment(lines: Sequence[str]) -> str:
    """Return lines as one comment; an empty string if `lines` is empty."""
    safe = "\n * ".join(line.replace("*/", "* /") for line in lines)
    return f"/* {safe}\n */\n" if safe else ""


def _wrapped(texts: Sequence[str]) -> Iterator[str]:
    line = ""
    for text in texts:
        if len(line) + len(text) + 2 > _LINE:
            yield line
            line = ""
        line += f"{' ' if line else '  '}{text},"
    yield line
