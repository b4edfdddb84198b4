"""Make foreign text safe for a terminal."""

import unicodedata

#: Control characters that are kept, because edgeae's own layout uses them.
_LAYOUT = "\n\t"


def printable(text: str) -> str:
    """Return a text with control characters and unprintable characters escaped.

    A file's name or a description may hold sequences that move the cursor, set colours or the
    window's title, or reverse the direction of writing. They are escaped as in Python's literals.
    """
    if text.isprintable():
        return text
    return "".join(item if _is_shown(item) else _escaped(item) for item in text)


def _is_shown(item: str) -> bool:
    return item.isprintable() or item in _LAYOUT or unicodedata.category(item) == "Zs"


def _escaped(item: str) -> str:
    return item.encode("unicode_escape").decode()
