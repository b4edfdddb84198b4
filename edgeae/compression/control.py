"""The equal-budget control: the original trained as many more steps as a recipe fine-tunes.

A recipe that trains on gets better by that alone; what it gained or cost counts only against a
float model that was given the same steps, on the same schedules.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import atomic
from edgeae.bundle import npy_bytes
from edgeae.compression.fine_tuning import fine_tune
from edgeae.data import Dataset
from edgeae.keras_parts import clone
from edgeae.loss import image_losses
from edgeae.recipe import Recipe
from edgeae.training.fit import reconstruct
from edgeae.training.objective import Objective

__all__ = ["control_losses", "place"]

#: Below a model's folder: one file per budget. Several recipes have the same one.
_FOLDER = ".controls"


def control_losses(
    model: Any, dataset: Dataset, recipe: Recipe, seed: int, kept: Path
) -> NDArray[np.float64]:
    """Return the control's loss on each test image, (n,); `model` is not changed.

    Args:
        model: the original, its batch normalisation folded.
        dataset: what to train on.
        recipe: the steps and learning rate of each of its steps.
        seed: of the images' order.
        kept: where the losses are kept for other recipes of the same budget; see `place`.
    """
    test = dataset.images("test", tuple(model.input_shape[1:]))
    known = _read(kept, len(test))
    if known is not None:
        return known
    control = clone(model)
    for settings in recipe.settings:
        fine_tune(Objective(control), dataset, settings, seed, "control")
    losses = image_losses(reconstruct(control, test), test)
    atomic.write_bytes(kept, npy_bytes(losses))
    return losses


def place(folder: Path, recipe: Recipe, identity: list[Any]) -> Path:
    """Return where a control's losses are kept, whether or not they are there yet.

    Args:
        folder: the model's.
        recipe: whose budget it is.
        identity: JSON that tells everything else that shapes them: weights, dataset, tools, seed.
    """
    budget = [[item.steps, item.learning_rate] for item in recipe.settings]
    told = json.dumps([budget, identity], sort_keys=True)
    return folder / _FOLDER / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.npy"


def _read(path: Path, n: int) -> NDArray[np.float64] | None:
    """Return the losses of n images; None where they are not there, or damaged."""
    try:
        losses: NDArray[np.float64] = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = losses.shape == (n,) and losses.dtype == np.float64 and np.isfinite(losses).all()
    return losses if whole else None
