"""Recipes from TOML's tables, every key and type checked."""

import json
import typing
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Literal

from edgeae.errors import BadInput, unknown
from edgeae.reading.typed_json import require
from edgeae.recipe.schema import EDGES, Recipe
from edgeae.recipe.steps import STEPS

#: The key of a recipe's file that is none of the recipe: on top of which other file it lies.
EXTENDS = "extends"
#: What a manifest tells of a recipe beside its settings.
_BESIDE = ("name", "description", "tolerance")


def with_defaults(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table with what follows from the rest of it: `io` and `steps`, if left out."""
    said = dict(table)
    said.setdefault("io", EDGES.get(str(said.get("quantization")), ("float32",))[0])
    said.setdefault("steps", [step for step in STEPS if said.get(step) is not None])
    return said


def from_table(table: dict[str, Any]) -> Recipe:
    """Build a recipe from TOML's tables, or from JSON made by `dataclasses.asdict`.

    Raises:
        BadInput: names the key, its value and what is allowed.
    """
    return typing.cast(Recipe, build(Recipe, table, also=(EXTENDS,)))


def to_table(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's keys and values as JSON types, but its name, description and tolerance.

    All of them, defaults too, for these may be others one day; but no step that it does not have.
    """
    said = {key: value for key, value in asdict(recipe).items() if key not in _BESIDE}
    table: dict[str, Any] = json.loads(json.dumps(said))
    return {key: value for key, value in table.items() if value is not None}


def build(kind: Any, table: dict[str, Any], prefix: str = "", also: tuple[str, ...] = ()) -> Any:
    """Build a dataclass, and those within it, from a TOML table.

    Args:
        kind: the dataclass; a field `name` is the caller's to give, no key of the file.
        table: its values.
        prefix: what stands before each key, as errors name it: `prune.`.
        also: further keys that the file may hold, for whoever misspells them.

    Raises:
        BadInput: names the key, its value and what is allowed.
    """
    hints = typing.get_type_hints(kind)
    allowed = {item.name: item for item in fields(kind) if prefix or item.name != "name"}
    for key in table:
        if key not in hints or (key not in allowed and key != "name"):
            raise unknown("key", prefix + key, [prefix + name for name in (*allowed, *also)])
    missing = [
        key
        for key, item in allowed.items()
        if key not in table and item.default is MISSING and item.default_factory is MISSING
    ]
    if missing:
        raise BadInput(f"{prefix}{missing[0]} is missing")
    values = {key: _value(hints[key], value, prefix + key) for key, value in table.items()}
    return kind(**values)


def _value(hint: Any, value: Any, key: str) -> Any:
    """Check one TOML value against the type of its field."""
    choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
    origin = typing.get_origin(hint)
    if origin is Literal:
        require(value in choices, key, value, ", ".join(choices))
        return value
    if origin is tuple:
        require(isinstance(value, list), key, value, "a list")
        return tuple(_value(choices[0], item, key) for item in value)
    if origin is dict:  # what a user names: keys are free
        require(isinstance(value, dict), key, value, "a table")
        return {name: _value(choices[1], item, f"{key}.{name}") for name, item in value.items()}
    if origin is not None:  # X | None; TOML has no None, JSON has
        if value is None:
            return None
        return _value(choices[0], value, key)
    if is_dataclass(hint):
        require(isinstance(value, dict), key, value, "a table")
        return build(hint, value, f"{key}.")
    if hint is float and type(value) is int:
        return float(value)
    require(type(value) is hint, key, value, f"a value of type {hint.__name__}")
    return value
