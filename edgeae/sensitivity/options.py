"""Derive a layer's options under a recipe from the layer's curves."""

import numpy as np

from edgeae.errors import BadInput
from edgeae.formats.packed import weight_bytes
from edgeae.recipe import Recipe
from edgeae.sensitivity.allocation import Member, Option, Setting, family
from edgeae.sensitivity.curves import Curves, Layer

#: Weight of the loss that clustering adds, relative to pruning: fine-tuning recovers less of it.
#: On MNIST's `deep`, about 3.5 % of the loss added by zeros and 12 % of the loss added by
#: clustering were left.
_CLUSTERED = 3.5
#: Least number of values of a layer that is also pruned: zero, a negative and a positive value.
_LEAST_WITH_ZEROS = 3


def check(recipe: Recipe) -> None:
    """Refuse a recipe that has no settings by layer.

    Raises:
        BadInput: the recipe neither prunes nor clusters.
    """
    if recipe.prune is None and recipe.cluster is None:
        raise BadInput(
            f"recipe {recipe.name}: it has no settings by layer; allowed are recipes with [prune] "
            "or [cluster]"
        )


def allocations(curves: Curves, recipe: Recipe) -> list[Member]:
    """Return the best allocations of layer settings, in ascending order of added loss.

    Allocations that prune no layer are left out if the recipe prunes, likewise for clustering.
    """
    members = family({layer.name: options(layer, curves.loss, recipe) for layer in curves.layers})
    return [member for member in members if _does_all(member, recipe)]


def _does_all(member: Member, recipe: Recipe) -> bool:
    settings = member.settings.values()
    prunes = recipe.prune is None or any(item.sparsity for item in settings)
    return prunes and (recipe.cluster is None or any(item.clusters for item in settings))


def options(layer: Layer, loss: float, recipe: Recipe) -> list[Option]:
    """Return the options of a layer under a recipe.

    The added loss of pruning and clustering together is estimated by the sum of the two, each
    weighted by the share that fine-tuning leaves.

    Args:
        layer: the layer's curves.
        loss: MSE of the original on the same images.
        recipe: the recipe, which prunes, clusters or does both.
    """
    zeros, values = [(0.0, 0.0, layer.bytes)], [(0, 0.0)]
    if recipe.prune is not None:
        zeros += [(item.at, item.loss - loss, item.bytes) for item in layer.sparsity]
    if recipe.cluster is not None:
        least = _LEAST_WITH_ZEROS if recipe.prune is not None else 2
        values += [
            (round(item.at), item.loss - loss) for item in layer.clusters if item.at >= least
        ]
    return [
        Option(
            Setting(share, clusters),
            clustered_bytes(layer, share, clusters) if clusters else size,
            pruned + _CLUSTERED * clustered,
        )
        for share, pruned, size in zeros
        for clusters, clustered in values
    ]


def clustered_bytes(layer: Layer, sparsity: float, clusters: int) -> int:
    """Return the packed bytes of a kernel with a share of zeros and so many distinct values.

    Zero is one of the distinct values if the kernel has zeros.
    """
    nonzero = layer.values - round(sparsity * layer.values)
    distinct = clusters - (nonzero < layer.values)
    stand_in = np.zeros(layer.values, np.int64)
    stand_in[:nonzero] = 1 + np.arange(nonzero) % max(1, distinct)
    return weight_bytes(stand_in, layer.width_bits)[0]
