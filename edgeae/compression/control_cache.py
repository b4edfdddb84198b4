"""A cache of the losses of equal-budget controls: several recipes have the same budget.

A file is `build/<model>/.controls/<hash of everything that affects the losses>.npy`; the SHA-256
of its bytes is appended to it. Does not import TensorFlow.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.model import Training
from edgeae.errors import BadInput, ManifestMismatch
from edgeae.reading import files
from edgeae.reading.arrays import parse_npy
from edgeae.recipe import Recipe
from edgeae.system import atomic

#: The cache's folder in a model's folder.
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
    """Return the path of a control's losses; the file may not exist yet.

    Args:
        folder: the model's folder.
        recipe: provides the budget: the number of steps and learning rate of each step.
        training: the record of the model: its weights, dataset and normalization.
        seed: seed for the image order.
        tools: package → version of the packages that train.
        judged_on: the images whose losses are stored: `test` or `validation`.
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
    if training.standardization is not None:
        shaping["standardization"] = training.standardization.to_json()
    content = json.dumps(shaping, sort_keys=True).encode()
    return folder / _FOLDER / f"{hashlib.sha256(content).hexdigest()[:32]}.npy"


def write(path: Path, losses: NDArray[np.float64]) -> None:
    """Write losses (n,) atomically: other exports may read or write the same file meanwhile."""
    content = npy_bytes(losses)
    atomic.write_bytes(path, content + hashlib.sha256(content).digest())


def read(path: Path) -> NDArray[np.float64] | None:
    """Return losses (n,), or None if the file is missing or damaged.

    The hash is checked because a changed digit in a loss would not be noticed otherwise.
    """
    try:
        stored = files.read(path)
    except (OSError, BadInput):
        return None
    content, digest = stored[:-_DIGEST], stored[-_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        return None
    try:
        losses: NDArray[np.float64] = parse_npy(content, str(path))
    except BadInput:
        return None
    return losses


def receive(made: Path, kept: Path, n: int | None) -> None:
    """Keep the losses that another machine computed, unless losses are kept there already.

    Args:
        made: the file of the other machine.
        kept: where this machine keeps them; see `place`.
        n: number of images; None if it is not known.

    Raises:
        ManifestMismatch: the file is damaged, or its losses are not float64 (n,) and finite.
    """
    losses = read(made)
    if losses is None or not _are_losses(losses, n):
        raise ManifestMismatch(
            f"{kept}: what a worker sent as the control's losses is damaged and refused"
        )
    if read(kept) is None:
        write(kept, losses)


def _are_losses(array: NDArray[Any], n: int | None) -> bool:
    shaped = array.ndim == 1 and array.dtype == np.float64 and n in (None, len(array))
    return shaped and bool(np.isfinite(array).all())
