"""Make a recipe with settings by layer, and the text of its file."""

import math
from dataclasses import asdict, replace
from typing import Any

import tomli_w

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
    keys = asdict(plan)
    del keys["name"]
    comment = "".join(f"# {line}\n" for line in head.splitlines())
    return comment + tomli_w.dumps(_given(keys))


def _given(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table without the keys that have no value; TOML has no null."""
    return {
        key: _given(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
