"""Where the losses of an equal-budget control are kept: several recipes have the same budget.

`build/<model>/.controls/<hash of all that shapes them>.npy`, with the hash of its bytes behind it.
No TensorFlow here.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.model import Training
from edgeae.errors import BadInput
from edgeae.reading import files
from edgeae.reading.arrays import parse_npy
from edgeae.recipe import Recipe
from edgeae.system import atomic

#: Below a model's folder.
_FOLDER = ".controls"
_DIGEST = hashlib.sha256().digest_size


def place(
    folder: Path,
    recipe: Recipe,
    training: Training,
    seed: int,
    tools: dict[str, str],
    judged_on: str = "test",
) -> Path:
    """Return where a control's losses are kept, whether or not they are there yet.

    Args:
        folder: the model's.
        recipe: whose budget it is: the steps and learning rate of each of its steps.
        training: the model: its weights, its data and how the values of these are normalized.
        seed: of the images' order.
        tools: package → version of whatever trains.
        judged_on: the images that the losses are of: `test` or `validation`.
    """
    shaping = {
        "budget": [[item.steps, item.learning_rate] for item in recipe.settings],
        "weights": training.weights_sha256,
        "dataset": training.dataset["sha256"],
        "normalization": training.normalization,
        "judged_on": judged_on,
        "seed": seed,
        "tools": tools,
    }
    told = json.dumps(shaping, sort_keys=True).encode()
    return folder / _FOLDER / f"{hashlib.sha256(told).hexdigest()[:32]}.npy"


def write(path: Path, losses: NDArray[np.float64]) -> None:
    """Keep losses (n,), in one step: other exports read them, or write the same, meanwhile."""
    content = npy_bytes(losses)
    atomic.write_bytes(path, content + hashlib.sha256(content).digest())


def read(path: Path) -> NDArray[np.float64] | None:
    """Return losses (n,); None where they are not there, or damaged: a digit would not show."""
    try:
        found = files.read(path)
    except (OSError, BadInput):
        return None
    content, digest = found[:-_DIGEST], found[-_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        return None
    try:
        losses: NDArray[np.float64] = parse_npy(content, str(path))
    except BadInput:
        return None
    return losses
