"""Runs the compression steps of a recipe in order, on copies of a model."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression import clustering, pruning
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
    tfmot = _tfmot(model, recipe)
    for step in recipe.steps:
        by_tfmot = getattr(recipe, step).engine == "tfmot"
        if step == "prune" and recipe.prune is not None:
            yield {"doing": f"prune to {recipe.prune.sparsity:.0%}"}
            model = (tfmot if by_tfmot else pruning).prune(model, dataset, recipe.prune, seed)
        elif step == "cluster" and recipe.cluster is not None:
            yield {"doing": f"cluster into {recipe.cluster.clusters} values"}
            model = (tfmot if by_tfmot else clustering).cluster(model, dataset, recipe, seed)
        elif by_tfmot:
            yield {"doing": "quantization-aware training"}
            return tfmot.train_quantized(model, dataset, recipe, seed)
        elif calibration is not None:
            yield {"doing": "quantization-aware training"}
            model = train_quantized(model, dataset, recipe, calibration, seed)
        if recipe.prune is not None:
            pruning.check(model, recipe.prune)
        if recipe.cluster is not None and step != "prune":
            clustering.check(model, recipe)
    return model


def _tfmot(model: Any, recipe: Recipe) -> Any:
    """Return the module of tfmot's steps, which takes a second to load; None if no step needs it.

    Raises:
        BadInput: tfmot does not take the model.
    """
    if all(item.engine != "tfmot" for item in recipe.settings):
        return None
    from edgeae.compression.tfmot import steps

    steps.check(model, recipe)
    return steps
