"""The steps of a recipe, one after the other, on copies of a model."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.clustering import check as check_clusters
from edgeae.compression.clustering import cluster
from edgeae.compression.pruning import check as check_zeros
from edgeae.compression.pruning import prune
from edgeae.compression.qat import train_quantized
from edgeae.data import Dataset
from edgeae.recipe import Recipe


def compress(
    model: Any,
    dataset: Dataset,
    recipe: Recipe,
    calibration: NDArray[np.float32] | None,
    seed: int,
) -> Generator[dict[str, str], None, Any]:
    """Report each step as `{"doing": …}`, and return what they make of a model.

    `model` keeps its weights.

    Args:
        model: flat Keras model, its batch normalisation folded.
        dataset: what to fine-tune on.
        recipe: its `steps`, and their settings.
        calibration: (n, …) images that the ranges of quantization-aware training start at; None
            without it.
        seed: of whatever is drawn.

    Raises:
        BadInput: a layer is named that is not there, or the loss became NaN.
        OutOfTolerance: zeros, clusters or a grid were not reached, or lost in a later step.
    """
    for step in recipe.steps:
        if step == "prune" and recipe.prune is not None:
            yield {"doing": f"prune to {recipe.prune.sparsity:.0%}"}
            model = prune(model, dataset, recipe.prune, seed)
        elif step == "cluster" and recipe.cluster is not None:
            yield {"doing": f"cluster into {recipe.cluster.clusters} values"}
            model = cluster(model, dataset, recipe, seed)
        elif step == "qat" and calibration is not None:
            yield {"doing": "train for the integers"}
            model = train_quantized(model, dataset, recipe, calibration, seed)
        if recipe.prune is not None:
            check_zeros(model, recipe.prune)
        if recipe.cluster is not None and step != "prune":
            check_clusters(model, recipe)
    return model
