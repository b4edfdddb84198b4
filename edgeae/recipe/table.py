"""Convert recipes from and to TOML tables."""

import json
from typing import Any

from edgeae.reading import typed
from edgeae.recipe import later
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
    keys = dict(table)
    # the name is the stem of a recipe's file, not one of its keys
    given = {"name": typed.value(str, keys.pop("name", None), "name")}
    return typed.build(Recipe, keys, given=given, also=(EXTENDS,))


def to_table(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's keys and values as JSON types, without name, description and tolerance.

    Defaults are included, because they may change later; steps that the recipe lacks are not.
    """
    said = {key: value for key, value in later.table(recipe).items() if key not in _BESIDE}
    table: dict[str, Any] = json.loads(json.dumps(said))
    return {key: value for key, value in table.items() if value is not None}
