"""What a dataclass says about its fields: types, defaults, and the section `Attributes:`."""

import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

__all__ = ["Described", "described", "kind", "members", "summary"]

_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    type(None): "null",
    Any: "any value",
}
_LISTS = (tuple, list, Sequence)
_TABLES = (dict, Mapping)


@dataclasses.dataclass(frozen=True)
class Described:
    """One field of a dataclass.

    Attributes:
        name: of the field.
        hint: its type.
        default: as JSON; None where the field is required.
        text: its description.
    """

    name: str
    hint: Any
    default: str | None
    text: str


def described(cls: type) -> list[Described]:
    """Return the fields of a dataclass in their order, those of its base classes last.

    Raises:
        ValueError: the docstring describes a field that does not exist, or leaves one out.
    """
    hints, texts = typing.get_type_hints(cls), _texts(cls)
    names = [item.name for item in dataclasses.fields(cls)]
    if texts.keys() != set(names):
        wrong = sorted(texts.keys() ^ set(names))
        raise ValueError(f"{cls.__module__}.{cls.__name__}: Attributes: {', '.join(wrong)}")
    fields = sorted(dataclasses.fields(cls), key=lambda item: bool(item.kw_only))
    return [
        Described(item.name, hints[item.name], _default(item), texts[item.name]) for item in fields
    ]


def summary(cls: type) -> str:
    """Return the first paragraph of a class's docstring."""
    return (inspect.getdoc(cls) or "").partition("\n\n")[0]


def _texts(cls: type) -> dict[str, str]:
    """Return field → description, those of the base classes first."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        doc = inspect.cleandoc(vars(base).get("__doc__") or "")
        section = re.search(r"^Attributes:\n((?:    .*\n|\n)+)", f"{doc}\n", re.MULTILINE)
        for names, text in _entries(section[1]) if section else ():
            found |= dict.fromkeys(re.split(r",\s*", names), text)
    return found


def _entries(section: str) -> Iterator[tuple[str, str]]:
    """Yield names and description of each entry; lines indented further continue an entry."""
    for entry in re.split(r"^    (?=\S)", section, flags=re.MULTILINE):
        if entry.strip():
            names, _, text = " ".join(entry.split()).partition(": ")
            yield names, text[0].upper() + text[1:] if text[:1].islower() else text


def _default(item: "dataclasses.Field[Any]") -> str | None:
    value = item.default
    if item.default_factory is not dataclasses.MISSING:
        value = item.default_factory()
    if value is dataclasses.MISSING:
        return None
    return json.dumps(value) if not dataclasses.is_dataclass(value) else ""


def kind(hint: Any) -> str:
    """Return a type in the words of JSON and TOML; a dataclass is a link to its section."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " ".join(f"`{choice}`" for choice in inner)
    if isinstance(hint, types.UnionType):
        return " or ".join(kind(member) for member in inner)
    if origin in _TABLES:
        return f"table of {kind(inner[1])}"
    if origin in _LISTS:
        several = [kind(member) for member in inner if member is not Ellipsis]
        return f"list of {several[0]}" if len(several) == 1 else f"list: {', '.join(several)}"
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return _PLAIN[hint]


def members(hint: Any) -> Iterator[type]:
    """Yield every dataclass that a type names."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for inner in typing.get_args(hint):
        yield from members(inner)
