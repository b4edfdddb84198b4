"""Weight clustering: each kernel holds a few values, which are trained.

Han, Mao and Dally, "Deep Compression", 2016, with k-means++ for the start, in which each weight
counts as much as it matters: see `saliency`. See `codebook` for how weights come to their values.
tfmot's own clustering loses kernels of transposed and depthwise convolutions, and cannot keep both
zeros and a grid.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.constraints import Constrained, integers
from edgeae.compression.fine_tuning import fine_tune_constrained
from edgeae.compression.kernels import Kernel, check_layers, kernels, wanted
from edgeae.compression.saliency import curvatures
from edgeae.data import Dataset
from edgeae.errors import OutOfTolerance
from edgeae.originals.keras_parts import clone
from edgeae.recipe import Recipe

_BITS = 8
#: The share of the steps after which all weights have their value, and all values lie on the grid.
_SETTLED, _FIXED = 0.6, 0.9
#: Share of the weights, but zeros, that integers must reach: the rest would make their steps coarse
#: for all. On MNIST's `deep`, 64 values cost 2.1 % of loss with all of them, and 1.6 % so.
_WITHIN = 0.99


def cluster(model: Any, dataset: Dataset, recipe: Recipe, seed: int) -> Any:
    """Return a clustered and fine-tuned copy; `model` keeps its weights.

    Args:
        model: flat Keras model.
        dataset: what to fine-tune on.
        recipe: its `cluster`, clusters, steps and learning rate; zeros stay zeros if it prunes, and
            zero is then one of the clusters; of int8, values lie on the grid that is exported.
        seed: of the images' order and of k-means.

    Raises:
        BadInput: a layer is named that is not there, or all are spared.
    """
    settings = recipe.cluster
    assert settings is not None
    check_layers(model, "cluster", settings)
    copy, sparse = clone(model), recipe.prune is not None
    pairs = wanted(copy, settings.clusters, settings)
    clustered = [kernel for kernel, _ in pairs]
    weights = curvatures(copy, clustered, dataset, seed)
    constrained = [
        _constrained(kernel, int(number), recipe, seed, count)
        for (kernel, number), count in zip(pairs, weights, strict=True)
    ]
    if sparse:  # the zeros of layers that keep their values
        known = {kernel.name for kernel in clustered}
        left = [kernel for kernel in kernels(copy) if kernel.name not in known]
        constrained += [Constrained(kernel, sparse=True) for kernel in left]

    def between(step: int) -> None:
        done = step / settings.steps
        for item in constrained:
            item.settle(1 - (1 - min(done / _SETTLED, 1.0)) ** 2)
            item.fix(min(max(done - _SETTLED, 0.0) / (_FIXED - _SETTLED), 1.0))

    fine_tune_constrained(copy, constrained, dataset, settings, seed, "cluster", between=between)
    return copy


def _constrained(
    kernel: Kernel, number: int, recipe: Recipe, seed: int, counts: NDArray[np.float32]
) -> Constrained:
    sparse = recipe.prune is not None
    narrow = recipe.quantization == "int8"
    weights = kernel.variable.numpy()
    if narrow and weights.any():
        limit = np.quantile(np.abs(weights[weights != 0]), _WITHIN)
        weights = np.clip(weights, -limit, limit)
    return Constrained(
        kernel,
        sparse=sparse,
        values=k_means(weights, number, seed, sparse=sparse, counts=counts),
        bits=_BITS if narrow else None,
    )


def k_means(
    values: NDArray[np.float32],
    clusters: int,
    seed: int,
    *,
    sparse: bool,
    counts: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return up to so many values that stand for all of them best, in the sense of least squares.

    Args:
        values: weights of any shape.
        clusters: how many; zero is one of them if `sparse`.
        seed: of the first guess, k-means++.
        sparse: zeros stay zeros, and are no other value's neighbours.
        counts: how much each one counts, of the same shape; None: all alike.
    """
    flat = values.reshape(-1, 1)
    weights = np.ones(len(flat)) if counts is None else counts.reshape(-1).astype(np.float64)
    if sparse:
        kept = flat[:, 0] != 0
        flat, weights, clusters = flat[kept], weights[kept], clusters - 1
    clusters = min(clusters, len(np.unique(flat)))
    if not clusters:
        return np.zeros(1, np.float32)
    # a package that takes most of a second to load, and that only clusters need
    from sklearn.cluster import KMeans

    start = KMeans(clusters, init="k-means++", n_init=1, random_state=seed)
    found = start.fit(flat, sample_weight=weights / weights.mean())
    centers = found.cluster_centers_[:, 0].astype(np.float32)
    return np.sort(np.append(centers, np.float32(0)) if sparse else centers)


def check(model: Any, recipe: Recipe) -> None:
    """Assert that each clustered kernel holds no more values than it should.

    Raises:
        OutOfTolerance: names the kernel.
    """
    assert recipe.cluster is not None
    for kernel, number in wanted(model, recipe.cluster.clusters, recipe.cluster):
        values = kernel.variable.numpy()
        if recipe.quantization == "int8":
            values = integers(values, _BITS, None)
        found = len(np.unique(values))
        if found > number:
            raise OutOfTolerance(f"{kernel.name}: {found} values after clustering, {number} asked")
