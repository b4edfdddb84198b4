"""Weight clustering: each kernel has only a few distinct values, and these values are trained.

The method is that of Han, Mao and Dally, "Deep Compression", 2016. The initial values come from
k-means++, weighted by the saliency of each weight (see `saliency`). `codebook` assigns the values
to the weights. tfmot's own clustering skips the kernels of transposed and depthwise convolutions,
and cannot keep both the zeros of pruning and a quantization grid.
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
#: Shares of the steps: after the first, every weight has its value; after the second, every value
#: lies on the grid.
_SETTLED, _FIXED = 0.6, 0.9
#: Share of the nonzero weights that the integer range covers. The largest 1 % are clipped, because
#: they would make the step coarse for all weights. On MNIST's `deep`, 64 values add 2.1 % of loss
#: without clipping, and 1.6 % with it.
_WITHIN = 0.99


def cluster(model: Any, dataset: Dataset, recipe: Recipe, seed: int) -> Any:
    """Return a clustered and fine-tuned copy; `model` keeps its weights.

    Args:
        model: flat Keras model.
        dataset: images to fine-tune on.
        recipe: its `cluster` settings are used. If the recipe prunes, zeros stay zeros, and zero
            is one of the clusters. If the recipe is int8, the values lie on the exported grid.
        seed: seed for the image order and for k-means.

    Raises:
        BadInput: the settings name a layer that the model lacks, or spare all layers.
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
    if sparse:  # layers that are not clustered must keep their zeros, too
        names = {kernel.name for kernel in clustered}
        left = [kernel for kernel in kernels(copy) if kernel.name not in names]
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
    """Return at most `clusters` values that approximate the weights with the least squared error.

    Args:
        values: weights of any shape.
        clusters: largest number of values; zero is one of them if `sparse`.
        seed: seed of the k-means++ initialization.
        sparse: zeros stay zeros: they are left out of the fit, and zero is added to the result.
        counts: sample weight of each weight, of the same shape; None for equal weights.

    Returns:
        float32 of at most `clusters` values, in rising order.
    """
    flat = values.reshape(-1, 1)
    weights = np.ones(len(flat)) if counts is None else counts.reshape(-1).astype(np.float64)
    if sparse:
        kept = flat[:, 0] != 0
        flat, weights, clusters = flat[kept], weights[kept], clusters - 1
    clusters = min(clusters, len(np.unique(flat)))
    if not clusters:
        return np.zeros(1, np.float32)
    # scikit-learn takes most of a second to load, and only clustering needs it
    from sklearn.cluster import KMeans

    start = KMeans(clusters, init="k-means++", n_init=1, random_state=seed)
    fitted = start.fit(flat, sample_weight=weights / weights.mean())
    centers = fitted.cluster_centers_[:, 0].astype(np.float32)
    return np.sort(np.append(centers, np.float32(0)) if sparse else centers)


def check(model: Any, recipe: Recipe) -> None:
    """Check that each clustered kernel has no more distinct values than the recipe allows.

    Raises:
        OutOfTolerance: a kernel has more values; the message names it.
    """
    assert recipe.cluster is not None
    for kernel, number in wanted(model, recipe.cluster.clusters, recipe.cluster):
        values = kernel.variable.numpy()
        if recipe.quantization == "int8":
            values = integers(values, _BITS, None)
        count = len(np.unique(values))
        if count > number:
            raise OutOfTolerance(f"{kernel.name}: {count} values after clustering, {number} asked")
