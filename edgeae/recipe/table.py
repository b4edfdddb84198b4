"""Build recipes from TOML tables; every key and type is checked."""

import json
import typing
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Literal

from edgeae.errors import BadInput, unknown
from edgeae.reading.typed_json import require
from edgeae.recipe.schema import EDGES, Recipe
from edgeae.recipe.steps import STEPS

#: The key of a recipe's file that names the file that it extends; it is no field of `Recipe`.
EXTENDS = "extends"
#: Fields that a manifest contains outside its `settings`.
_BESIDE = ("name", "description", "tolerance")


def with_defaults(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table with the defaults of `io` and `steps`, which depend on its other keys."""
    said = dict(table)
    said.setdefault("io", EDGES.get(str(said.get("quantization")), ("float32",))[0])
    said.setdefault("steps", [step for step in STEPS if said.get(step) is not None])
    return said


def from_table(table: dict[str, Any]) -> Recipe:
    """Build a recipe from TOML tables, or from the JSON of `dataclasses.asdict`.

    Raises:
        BadInput: a key is not valid; names the key, its value and what is allowed.
    """
    return typing.cast(Recipe, build(Recipe, table, also=(EXTENDS,)))


def to_table(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's keys and values as JSON types, without name, description and tolerance.

    Defaults are included, because they may change later; steps that the recipe lacks are not.
    """
    said = {key: value for key, value in asdict(recipe).items() if key not in _BESIDE}
    table: dict[str, Any] = json.loads(json.dumps(said))
    return {key: value for key, value in table.items() if value is not None}


def build(kind: Any, table: dict[str, Any], prefix: str = "", also: tuple[str, ...] = ()) -> Any:
    """Build a dataclass, and those within it, from a TOML table.

    Args:
        kind: the dataclass; its field `name` is no key of the file, the caller adds it.
        table: its values.
        prefix: prefix of each key in errors, as `prune.`.
        also: further keys of the file, which errors suggest for a misspelt key.

    Raises:
        BadInput: a key is not valid; names the key, its value and what is allowed.
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
    if origin is dict:  # users choose the keys
        require(isinstance(value, dict), key, value, "a table")
        return {name: _value(choices[1], item, f"{key}.{name}") for name, item in value.items()}
    if origin is not None:  # X | None; only JSON contains None
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
