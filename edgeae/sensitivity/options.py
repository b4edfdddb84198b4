"""From a layer's curves to the options that a recipe leaves it."""

import numpy as np

from edgeae.errors import BadInput
from edgeae.formats.packed import weight_bytes
from edgeae.recipe import Recipe
from edgeae.sensitivity.allocation import Member, Option, Setting, family
from edgeae.sensitivity.curves import Curves, Layer

#: Fine-tuning makes up for more of what zeros cost than of what few values cost: of the loss that
#: was added before it, about 3.5 % and 12 % were left on MNIST's `deep`.
_CLUSTERED = 3.5
#: Values that a recipe which also prunes must leave a layer: zero, and one on either side of it.
_LEAST_WITH_ZEROS = 3


def check(recipe: Recipe) -> None:
    """Refuse a recipe that has nothing to set by layer.

    Raises:
        BadInput: it neither prunes nor clusters.
    """
    if recipe.prune is None and recipe.cluster is None:
        raise BadInput(
            f"recipe {recipe.name}: nothing to set by layer; allowed are recipes with [prune] or "
            "[cluster]"
        )


def allocations(curves: Curves, recipe: Recipe) -> list[Member]:
    """Return the best settings by layer, from the mildest to the severest.

    Each does something in every step that the recipe has: a pruning that prunes no layer is none.
    """
    found = family({layer.name: options(layer, curves.loss, recipe) for layer in curves.layers})
    return [member for member in found if _does_all(member, recipe)]


def _does_all(member: Member, recipe: Recipe) -> bool:
    settings = member.settings.values()
    prunes = recipe.prune is None or any(item.sparsity for item in settings)
    return prunes and (recipe.cluster is None or any(item.clusters for item in settings))


def options(layer: Layer, loss: float, recipe: Recipe) -> list[Option]:
    """Return what a recipe's steps can do to a layer.

    What zeros and few values cost together is taken to be the sum of what each costs, weighed by
    how much of it fine-tuning leaves.

    Args:
        layer: its curves.
        loss: of the original, on the same images.
        recipe: which of the steps there are.
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
    """Return the packed bytes of a kernel with so many zeros and values, zero among them."""
    nonzero = layer.values - round(sparsity * layer.values)
    distinct = clusters - (nonzero < layer.values)
    stand_in = np.zeros(layer.values, np.int64)
    stand_in[:nonzero] = 1 + np.arange(nonzero) % max(1, distinct)
    return weight_bytes(stand_in, layer.width_bits)[0]
