"""Text for a terminal, which acts on some characters instead of showing them.

Names in files that others made may hold any: a title, a colour, or text that runs backwards.
"""

import re

__all__ = ["shown"]

#: Control characters but tab and line feed, marks of direction, and what no encoding has.
_NOT_SHOWN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(text: str) -> str:
    r"""Return text that a terminal only shows: `\x1b` for an escape character."""
    return _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
