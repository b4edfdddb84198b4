"""Recipes: data, in TOML, that define how a trained model is compressed, quantized and exported.

Every key of a recipe's file is a field of `Recipe`, `Prune`, `Cluster`, `Qat` or `Tolerance`, or
`extends`; any other key is an error.
"""

from edgeae.recipe.file import MATRIX, available, base_name, find, parse
from edgeae.recipe.schema import AS_IS, PARTS, REFERENCES, Recipe
from edgeae.recipe.steps import STEPS, Cluster, Prune, Qat
from edgeae.recipe.table import from_table, to_table

__all__ = [
    "AS_IS",
    "MATRIX",
    "PARTS",
    "REFERENCES",
    "STEPS",
    "Cluster",
    "Prune",
    "Qat",
    "Recipe",
    "available",
    "base_name",
    "find",
    "from_table",
    "parse",
    "to_table",
]
