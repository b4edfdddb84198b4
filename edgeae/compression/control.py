"""The equal-budget control: the original trained as many more steps as a recipe fine-tunes.

A recipe that trains on gets better by that alone; what it gained or cost counts only against a
float model that was given the same steps, on the same schedules.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression import control_cache
from edgeae.compression.fine_tuning import fine_tune
from edgeae.data import Dataset
from edgeae.metrics.loss import image_losses
from edgeae.originals.keras_parts import clone
from edgeae.recipe import Recipe
from edgeae.training.fit import reconstruct
from edgeae.training.objective import Objective


def control_losses(
    model: Any, dataset: Dataset, recipe: Recipe, seed: int, kept: Path
) -> NDArray[np.float64]:
    """Return the control's loss on each test image, (n,); `model` is not changed.

    Args:
        model: the original, its batch normalisation folded.
        dataset: what to train on.
        recipe: the steps and learning rate of each of its steps.
        seed: of the images' order.
        kept: where the losses are kept for other recipes of the same budget; see `kept_control`.
    """
    known = control_cache.read(kept)
    if known is not None:
        return known
    test = dataset.images("test", tuple(model.input_shape[1:]))
    control = clone(model)
    for settings in recipe.settings:
        fine_tune(Objective(control), dataset, settings, seed, "control")
    losses = image_losses(reconstruct(control, test), test)
    control_cache.write(kept, losses)
    return losses
