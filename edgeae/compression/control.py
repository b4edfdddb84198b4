"""The equal-budget control: the original trained for as many more steps as a recipe fine-tunes.

More training lowers the loss without any compression. The loss that compression adds is therefore
measured against a float model that was trained for the same steps with the same schedules.
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
    model: Any, dataset: Dataset, recipe: Recipe, seed: int, kept: Path, trained: Path | None = None
) -> NDArray[np.float64]:
    """Return the control's loss on each test image, float64 (n,); `model` is not changed.

    Args:
        model: the original with its batch normalisation folded.
        dataset: images to train and test on.
        recipe: provides the number of steps and the learning rate of each compression step.
        seed: seed for the image order.
        kept: cache file of the losses, shared by recipes of the same budget; see `control_cache`.
        trained: the file that gets the losses if they are not in `kept`; None for `kept`.
    """
    cached = control_cache.read(kept)
    if cached is not None:
        return cached
    test = dataset.images("test", tuple(model.input_shape[1:]))
    control = clone(model)
    for settings in recipe.settings:
        fine_tune(Objective(control), dataset, settings, seed, "control")
    losses = image_losses(reconstruct(control, test), test)
    control_cache.write(trained or kept, losses)
    return losses
