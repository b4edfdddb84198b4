"""Build frozen dataclasses from decoded JSON or TOML; every key and every type is checked."""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, TypeVar

from edgeae.errors import BadInput, unknown

_T = TypeVar("_T")
#: Python type of a decoded value → its name in error messages.
_NAMES = {dict: "a table", list: "a list", str: "text", int: "a whole number", float: "a number"}
_NAMES |= {bool: "true or false"}
#: The most characters of a wrong value or of an unknown key that an error shows.
_SHOWN = 60
_hints: Callable[[Any], dict[str, Any]] = functools.cache(typing.get_type_hints)


def require(holds: bool, key: str, value: Any, allowed: str) -> None:
    """Raise unless `holds`.

    Raises:
        BadInput: the value is not allowed; the message names the key, the value and `allowed`.
    """
    if not holds:
        raise BadInput(f"{key} = {value!r}: allowed is {allowed}")


def build(
    kind: type[_T],
    table: Any,
    key: str = "",
    *,
    given: Mapping[str, Any] = types.MappingProxyType({}),
    also: Collection[str] = (),
) -> _T:
    """Build a dataclass, and those within it, from a decoded table.

    Args:
        kind: the dataclass; defaults replace missing keys.
        table: the decoded table.
        key: path of the table, as `cells[0]`, for errors; empty at the top level.
        given: fields that are no keys of the file, with their values.
        also: further keys of the file, which errors suggest for a misspelt key.

    Raises:
        BadInput: a key is unknown or missing, or its value is not allowed; the message names the
            key's path, the value and what is allowed.
    """
    _check_type(table, key, dict)
    _check_keys(kind, table, key, given, also)
    hints = _hints(kind)
    values = {name: value(hints[name], item, _below(key, name)) for name, item in table.items()}
    try:
        return kind(**values, **given)
    except BadInput as error:
        raise BadInput(_below(key, str(error))) from None


def value(hint: Any, decoded: Any, key: str = "") -> Any:
    """Return a decoded value as the type `hint`; a whole number becomes a float if `hint` is float.

    Args:
        hint: a dataclass, `tuple[X, ...]`, `tuple[X, Y]`, `list[X]`, `dict[str, X]`, a Literal,
            `X | None`, a union of plain types, a plain type or `Any`.
        decoded: the decoded value.
        key: path of the value, for errors; empty at the top level.

    Raises:
        BadInput: see `build`.
    """
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), decoded, key)
    if origin in (tuple, list):
        _check_type(decoded, key, list)
        return origin(_items(members, decoded, key))
    if origin is dict:
        _check_type(decoded, key, dict)
        return {name: value(members[1], item, _below(key, name)) for name, item in decoded.items()}
    if origin is Literal:
        if decoded not in members:
            raise _refusal(decoded, key, ", ".join(members))
        return decoded
    if origin in (typing.Union, types.UnionType):
        return _of_union(members, decoded, key)
    if hint is float and type(decoded) is int:
        return float(decoded)
    if hint is not Any:
        _check_type(decoded, key, hint)
    return decoded


def check_schema(table: Any, *readable: int) -> dict[str, Any]:
    """Return the table of a file that edgeae wrote.

    Args:
        table: the file's content.
        readable: values of `schema` that the caller can read.

    Raises:
        BadInput: the content is not a table, or its schema is not one of these.
    """
    _check_type(table, "", dict)
    schema = table.get("schema")
    if type(schema) is not int or schema not in readable:
        versions = " and ".join(map(str, readable))
        raise BadInput(f"schema = {schema!r:.40}: this edgeae reads schema {versions}")
    return typing.cast(dict[str, Any], table)


def _check_keys(
    kind: Any, table: dict[str, Any], key: str, given: Mapping[str, Any], also: Collection[str]
) -> None:
    fields = {item.name: item for item in dataclasses.fields(kind) if item.name not in given}
    for name in table:
        if name not in fields:
            known = [_below(key, other) for other in (*fields, *also)]
            raise unknown("key", _below(key, name)[:_SHOWN], known)
    missing = [
        _below(key, name)
        for name, item in fields.items()
        if name not in table and item.default is item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise BadInput(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")


def _items(members: tuple[Any, ...], decoded: list[Any], key: str) -> Iterator[Any]:
    """Yield the items of a tuple or list, whose types are `members`, or all `members[0]`."""
    fixed = Ellipsis not in members and len(members) > 1
    if fixed and len(decoded) != len(members):
        raise BadInput(f"{key}: a list of {len(decoded)}; allowed are {len(members)} values")
    for place, item in enumerate(decoded):
        yield value(members[place if fixed else 0], item, f"{key}[{place}]")


def _of_union(members: tuple[Any, ...], decoded: Any, key: str) -> Any:
    others = [member for member in members if member is not types.NoneType]
    if decoded is None and types.NoneType in members:
        return None
    if len(others) == 1:
        return value(others[0], decoded, key)
    _check_type(decoded, key, *others)
    return decoded


def _check_type(decoded: Any, key: str, *kinds: type) -> None:
    if type(decoded) not in kinds:
        raise _refusal(decoded, key, " or ".join(_NAMES[kind] for kind in kinds))


def _refusal(decoded: Any, key: str, allowed: str) -> BadInput:
    return BadInput(f"{key or 'the content'} = {decoded!r:.{_SHOWN}}: allowed is {allowed}")


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
