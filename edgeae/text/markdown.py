"""Markdown tables and text in which every character is shown literally."""

import re
from collections.abc import Collection, Iterable, Sequence

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#&~$@"})


def table(header: Sequence[str], words: Collection[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        header: the names of the columns.
        words: names of the columns that are aligned left; numbers are aligned right.
        rows: the cells, each shown literally.
    """
    rule = [":--" if name in words else "--:" for name in header]
    lines = [_row(header), _row(rule), *(_row([plain(cell) for cell in row]) for row in rows)]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return text that Markdown shows literally; edgeae commands in it are shown as code."""
    parts = pieces(" ".join(text.split()))
    return "".join(f"`{item}`" if command else item.translate(_SPECIAL) for item, command in parts)


def pieces(sentence: str) -> list[tuple[str, bool]]:
    """Split a sentence at the edgeae commands in it; return (piece, whether it is a command)."""
    parts = re.split(r"`(edgeae (?:verify|export|inspect))`", sentence)
    return [(text, place % 2 == 1) for place, text in enumerate(parts)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
