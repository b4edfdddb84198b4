"""Reads the templates of the forms, and fills them in."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

_TEMPLATES = Path(__file__).parent / "templates"


def filled(place: str, words: Mapping[str, str]) -> str:
    """Return a template with its words filled in; `$$` stands for `$`.

    Args:
        place: path of the template below `templates/`.
        words: what replaces each `$word` and `${word}`.
    """
    return Template(verbatim(place)).substitute(words)


def verbatim(place: str) -> str:
    """Return a file of the templates as it is."""
    return (_TEMPLATES / place).read_text(encoding="utf-8")
