"""The rows on which child processes evaluate an imported model."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.data import Dataset
from edgeae.system.scratch import write_scratch

#: Rows on which the outputs of an imported model are compared with those of the original.
_ROWS = 32


def save_images(dataset: Dataset, shape: tuple[int, ...], folder: Path) -> dict[str, str]:
    """Write the validation and test rows as `.npy` files of shape (n, *shape).

    Returns:
        `validation` and `test` → path of the file.

    Raises:
        BadInput: the rows cannot have this shape.
    """
    files = {}
    for part in ("validation", "test"):
        path = folder / f"{part}.npy"
        write_scratch(path, npy_bytes(dataset.images(part, shape)))
        files[part] = str(path)
    return files


def spread(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return at most 32 different rows, evenly spread over a set."""
    places = np.linspace(0, len(images) - 1, min(_ROWS, len(images))).round().astype(int)
    few: NDArray[np.float32] = images[places]
    return few
