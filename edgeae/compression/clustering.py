"""Weight clustering: each kernel holds a few values, which are trained.

Han, Mao and Dally, "Deep Compression", 2016, with k-means++ for the start. tfmot's own clustering
loses kernels of transposed and depthwise convolutions, and cannot keep both zeros and a grid.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from edgeae.compression.constraints import Constrained
from edgeae.compression.fine_tuning import ConstrainedObjective, bake, fine_tune
from edgeae.compression.kernels import check_layers, wanted
from edgeae.data import Dataset
from edgeae.errors import OutOfTolerance
from edgeae.keras_parts import clone
from edgeae.recipe import Cluster

__all__ = ["check", "cluster", "k_means"]


def cluster(model: Any, dataset: Dataset, settings: Cluster, seed: int, *, sparse: bool) -> Any:
    """Return a clustered and fine-tuned copy; `model` keeps its weights.

    Args:
        model: flat Keras model.
        dataset: what to fine-tune on.
        settings: clusters, steps and learning rate.
        seed: of the images' order and of k-means.
        sparse: whether zeros stay zeros; zero is then one of the clusters.

    Raises:
        BadInput: a layer is named that is not there.
    """
    check_layers(model, "cluster.layers", list(settings.layers))
    copy = clone(model)
    constrained = [
        Constrained(
            kernel,
            sparse=sparse,
            values=k_means(kernel.variable.numpy(), int(number), seed, sparse=sparse),
        )
        for kernel, number in wanted(copy, settings.clusters, settings.layers)
    ]
    fine_tune(ConstrainedObjective(copy, constrained), dataset, settings, seed, "cluster")
    bake(constrained)
    return copy


def k_means(
    values: NDArray[np.float32], clusters: int, seed: int, *, sparse: bool
) -> NDArray[np.float32]:
    """Return up to so many values that stand for all of them best, in the sense of least squares.

    Args:
        values: weights of any shape.
        clusters: how many; zero is one of them if `sparse`.
        seed: of the first guess, k-means++.
        sparse: zeros stay zeros, and are no other value's neighbours.
    """
    flat = values.reshape(-1, 1)
    if sparse:
        flat, clusters = flat[flat[:, 0] != 0], clusters - 1
    clusters = min(clusters, len(np.unique(flat)))
    if not clusters:
        return np.zeros(1, np.float32)
    found = KMeans(clusters, init="k-means++", n_init=1, random_state=seed).fit(flat)
    centers = found.cluster_centers_[:, 0].astype(np.float32)
    return np.sort(np.append(centers, np.float32(0)) if sparse else centers)


def check(model: Any, settings: Cluster) -> None:
    """Assert that each clustered kernel holds no more values than it should.

    Raises:
        OutOfTolerance: names the kernel.
    """
    for kernel, number in wanted(model, settings.clusters, settings.layers):
        found = len(np.unique(kernel.variable.numpy()))
        if found > number:
            raise OutOfTolerance(f"{kernel.name}: {found} values after clustering, {number} asked")
