"""Fills in the templates of the forms."""

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
    text = (_TEMPLATES / place).read_text(encoding="utf-8")
    return Template(text).substitute(words)
