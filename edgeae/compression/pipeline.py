"""Runs the compression steps of a recipe in order, on copies of a model."""

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
    """Yield `{"doing": …}` before each step, and return the compressed model.

    `model` keeps its weights.

    Args:
        model: flat Keras model with its batch normalisation folded.
        dataset: images to fine-tune on.
        recipe: its `steps` and their settings are used.
        calibration: (n, …) images that initialize the activation ranges of quantization-aware
            training; None if the recipe has none.
        seed: seed of all random choices.

    Raises:
        BadInput: the settings name a layer that the model lacks, or the loss became NaN.
        OutOfTolerance: a step did not reach its zeros, clusters or grid, or a later step lost them.
    """
    for step in recipe.steps:
        if step == "prune" and recipe.prune is not None:
            yield {"doing": f"prune to {recipe.prune.sparsity:.0%}"}
            model = prune(model, dataset, recipe.prune, seed)
        elif step == "cluster" and recipe.cluster is not None:
            yield {"doing": f"cluster into {recipe.cluster.clusters} values"}
            model = cluster(model, dataset, recipe, seed)
        elif step == "qat" and calibration is not None:
            yield {"doing": "quantization-aware training"}
            model = train_quantized(model, dataset, recipe, calibration, seed)
        if recipe.prune is not None:
            check_zeros(model, recipe.prune)
        if recipe.cluster is not None and step != "prune":
            check_clusters(model, recipe)
    return model
