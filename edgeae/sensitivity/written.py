"""Make a recipe with settings by layer, and the text of its file."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from edgeae.recipe import Recipe
from edgeae.sensitivity.allocation import Member
from edgeae.sensitivity.curves import Curves
from edgeae.sensitivity.search import Trial

#: Range of the recipe's own sparsity; no layer uses it, because every layer has a setting.
_LEAST, _MOST = 0.001, 0.999


def by_layer(base: Recipe, name: str, member: Member, curves: Curves) -> Recipe:
    """Return a recipe with a member's settings.

    Every layer has its own setting. The recipe's own `sparsity` and `clusters`, which a listing
    shows, are the share of zeros over all layers and the largest number of values of a layer.

    Args:
        base: the recipe without settings by layer.
        name: the new recipe's name.
        member: a setting for each layer.
        curves: the curves of the same layers.
    """
    prune, cluster = base.prune, base.cluster
    if prune is not None:
        layers = {layer: setting.sparsity for layer, setting in member.settings.items()}
        zeros = sum(layers[item.name] * item.values for item in curves.layers)
        share = round(zeros / sum(item.values for item in curves.layers), 3)
        prune = replace(prune, sparsity=min(max(share, _LEAST), _MOST), layers=layers)
    if cluster is not None:
        numbers = {layer: setting.clusters for layer, setting in member.settings.items()}
        cluster = replace(cluster, clusters=max(numbers.values()), layers=numbers)
    return replace(base, name=name, prune=prune, cluster=cluster)


def kept(plan: Recipe, trial: Trial, limit: float, model: str) -> Recipe:
    """Return the recipe with a description, and with the limit as its tolerance.

    Args:
        plan: the recipe of the trial.
        trial: the trial.
        limit: the largest allowed loss ÷ control.
        model: the model's name.
    """
    allowed = max(limit - 1, 0.0) * trial.control / trial.loss_scale
    tolerance = replace(plan.tolerance, added_loss=_rounded_up(allowed))
    description = f"{model}: settings by layer, for a loss of at most {limit:g} times the control's"
    return replace(plan, description=description, tolerance=tolerance)


def _rounded_up(value: float) -> float:
    """Round up to three significant digits."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(round(value / unit, 6)) * unit:.3g}")


def text(plan: Recipe, head: str) -> str:
    """Return the text of a recipe's file with every key, because defaults may change later.

    Args:
        plan: the recipe.
        head: lines of comment above the keys.
    """
    table: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    del table["name"]
    lines = [f"# {line}" for line in head.splitlines()]
    return "\n".join([*lines, *_table(table, ())]) + "\n"


def _table(table: Mapping[str, Any], place: tuple[str, ...]) -> list[str]:
    """Return the lines of a table's values, then those of the tables in it."""
    lines = [f"{_key(key)} = {_value(item)}" for key, item in table.items() if _is_value(item)]
    if place and lines:
        lines = ["", f"[{'.'.join(map(_key, place))}]", *lines]
    for key, item in table.items():
        if isinstance(item, dict):
            lines += _table(item, (*place, key))
    return lines


def _is_value(item: Any) -> bool:
    return item is not None and not isinstance(item, dict)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _value(value: Any) -> str:
    # strings, lists, numbers and booleans have the same form in JSON and TOML
    return json.dumps(value, ensure_ascii=True)
