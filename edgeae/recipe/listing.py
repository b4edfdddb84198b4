"""Render recipes as a table with their steps, quantization and formats."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeae.recipe.schema import Recipe
from edgeae.text.columns import align

_HEAD = ("recipe", "steps", "quantization", "formats", "description")


def steps(recipe: Recipe) -> str:
    """Return the fine-tuning steps in order: `prune 80 % → cluster 16 → qat`; or a dash."""
    return " → ".join(_told(recipe, step) for step in recipe.steps) or "-"


def _told(recipe: Recipe, step: str) -> str:
    if step == "prune" and recipe.prune is not None:
        return f"prune {100 * recipe.prune.sparsity:g} %{_apart(recipe.prune.layers)}"
    if step == "cluster" and recipe.cluster is not None:
        return f"cluster {recipe.cluster.clusters}{_apart(recipe.cluster.layers)}"
    return step


def _apart(layers: Mapping[str, float]) -> str:
    return f" ({len(layers)} by layer)" if layers else ""


def as_json(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's row as JSON types, with the hash that manifests contain."""
    return {
        "steps": [_told(recipe, step) for step in recipe.steps],
        "quantization": _form(recipe),
        "formats": _formats(recipe),
        "description": recipe.description,
        "sha256": recipe.sha256,
    }


def render(recipes: Sequence[Recipe]) -> str:
    """Return the table, a line per recipe, by the number of fine-tuning steps and by name."""
    ordered = sorted(recipes, key=lambda recipe: (len(recipe.steps), recipe.name))
    rows = [list(_HEAD)]
    for recipe in ordered:
        formats = ", ".join(_formats(recipe))
        rows.append([recipe.name, steps(recipe), _form(recipe), formats, recipe.description])
    return align(rows, left=len(_HEAD))


def _form(recipe: Recipe) -> str:
    if recipe.quantization != "int8":
        return recipe.quantization
    return "int8 per channel" if recipe.per_channel else "int8 per tensor"


def _formats(recipe: Recipe) -> list[str]:
    """Return the formats of a part's files; the format of an int8 `.onnx` with its form."""
    onnx = f"onnx {recipe.onnx}" if recipe.quantization == "int8" else "onnx"
    return [onnx if form == "onnx" else form for form in recipe.formats]
