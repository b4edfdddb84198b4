"""From JSON back to the frozen dataclasses that it was made of, every type checked."""

import dataclasses
import types
import typing
from collections.abc import Set
from typing import Any

__all__ = ["rebuild"]


def rebuild(hint: Any, value: Any) -> Any:
    """Rebuild a value of the type `hint` from JSON: dataclasses, tuples of them, plain values.

    Raises:
        TypeError: a value is of another type.
        ValueError: a dataclass has other keys; those with a default may be missing.
    """
    if dataclasses.is_dataclass(hint):
        _check_type(value, dict)
        hints = typing.get_type_hints(hint)
        known = {item.name for item in dataclasses.fields(hint)}
        later = {
            item.name
            for item in dataclasses.fields(hint)
            if (item.default, item.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
        }
        _check_keys(typing.cast(type, hint).__name__, value.keys(), known, later)
        return typing.cast(Any, hint)(
            **{key: rebuild(hints[key], item) for key, item in value.items()}
        )
    if typing.get_origin(hint) is tuple:
        _check_type(value, list)
        return tuple(rebuild(typing.get_args(hint)[0], item) for item in value)
    if typing.get_origin(hint) is dict:
        _check_type(value, dict)
        return {key: rebuild(typing.get_args(hint)[1], item) for key, item in value.items()}
    if isinstance(hint, types.UnionType):
        return rebuild(_choice(hint, value), value)
    if hint is not Any:
        _check_type(value, *((int, float) if hint is float else (hint,)))
    return value


def _choice(union: Any, value: Any) -> Any:
    """Return the member of a union that a JSON value is of; its first where none is."""
    members = typing.get_args(union)
    plain = {member: typing.get_origin(member) or member for member in members}
    return next((member for member in members if type(value) is plain[member]), members[0])


def _check_type(value: Any, *kinds: type) -> None:
    if type(value) not in kinds:
        raise TypeError(f"{value!r:.40} is not {' or '.join(kind.__name__ for kind in kinds)}")


def _check_keys(kind: str, found: Set[str], known: Set[str], later: Set[str]) -> None:
    wrong = {"missing": known - found - later, "unknown": found - known}
    if any(wrong.values()):
        told = (
            f"{what} {', '.join(map(repr, sorted(keys)))}" for what, keys in wrong.items() if keys
        )
        raise ValueError(f"keys of {kind}: {'; '.join(told)}")
