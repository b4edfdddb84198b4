"""Rebuild frozen dataclasses from the JSON that was made of them, and check every type."""

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any

from edgeae.errors import BadInput


def require(holds: bool, key: str, value: Any, allowed: str) -> None:
    """Raise unless `holds`.

    Raises:
        BadInput: the value is not allowed; the message names the key, the value and `allowed`.
    """
    if not holds:
        raise BadInput(f"{key} = {value!r}: allowed is {allowed}")


#: Python type of a JSON value → its name in error messages.
_NAMES = {dict: "a table", list: "a list", str: "text", int: "a whole number", float: "a number"}
_NAMES |= {bool: "true or false", type(None): "null"}


def rebuild(hint: Any, value: Any, key: str = "") -> Any:
    """Rebuild a value of the type `hint` from JSON: dataclasses, tuples of them, plain values.

    Args:
        hint: a dataclass, `tuple[X, ...]`, `tuple[X, Y]`, `list[X]`, `dict[str, X]`, a union, a
            plain type or `Any`.
        value: the parsed JSON value.
        key: path of the value, for errors; empty at the top level.

    Raises:
        BadInput: a value has another type, or a key is missing or unknown; the message names the
            key.
    """
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, key)
    if isinstance(hint, types.UnionType):
        return rebuild(_choice(members, value), value, key)
    if origin in (tuple, list):
        _check_type(value, key, list)
        return origin(_items(members, value, key))
    if origin is dict:
        _check_type(value, key, dict)
        return {name: rebuild(members[1], item, _below(key, name)) for name, item in value.items()}
    if hint is not Any:
        _check_type(value, key, *((int, float) if hint is float else (hint,)))
    return value


def _dataclass(hint: Any, value: Any, key: str) -> Any:
    _check_type(value, key, dict)
    hints = typing.get_type_hints(hint)
    _check_keys(hint, value, key)
    values = {name: rebuild(hints[name], item, _below(key, name)) for name, item in value.items()}
    return hint(**values)


def _items(members: tuple[Any, ...], value: list[Any], key: str) -> Iterator[Any]:
    """Yield the items of a tuple or list, whose types are `members`, or all `members[0]`."""
    fixed = Ellipsis not in members and len(members) > 1
    if fixed and len(value) != len(members):
        raise BadInput(f"{key}: a list of {len(value)}; allowed are {len(members)} values")
    for place, item in enumerate(value):
        yield rebuild(members[place if fixed else 0], item, f"{key}[{place}]")


def _choice(members: tuple[Any, ...], value: Any) -> Any:
    """Return the first member of a union that fits a JSON value; the first member if none fits."""
    plain = {member: typing.get_origin(member) or member for member in members}
    shown = {tuple: list}
    kinds = {
        member: dict if dataclasses.is_dataclass(kind) else shown.get(kind, kind)
        for member, kind in plain.items()
    }
    return next((member for member in members if type(value) is kinds[member]), members[0])


def _check_type(value: Any, key: str, *kinds: type) -> None:
    if type(value) not in kinds:
        allowed = " or ".join(dict.fromkeys(_NAMES[kind] for kind in reversed(kinds)))
        raise BadInput(f"{key or 'the content'} = {value!r:.40}: allowed is {allowed}")


def _check_keys(hint: Any, value: dict[str, Any], key: str) -> None:
    fields = dataclasses.fields(hint)
    required = {
        item.name
        for item in fields
        if (item.default, item.default_factory) == (dataclasses.MISSING, dataclasses.MISSING)
    }
    missing = required - value.keys()
    unknown = value.keys() - {item.name for item in fields}
    for what, names in (("missing", missing), ("unknown", unknown)):
        if names:
            told = ", ".join(f"{_below(key, name)!r:.60}" for name in sorted(names))
            raise BadInput(f"{what} {'key' if len(names) == 1 else 'keys'} {told}")


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
