"""The rows that an imported model is judged on, as its child processes get them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.data import Dataset
from edgeae.system.scratch import write_scratch

#: Rows on which an imported model must answer as the original does.
_ROWS = 32


def save_images(dataset: Dataset, shape: tuple[int, ...], folder: Path) -> dict[str, str]:
    """Write the validation and test rows, (n, *shape); return part → its `.npy`.

    Raises:
        BadInput: the rows do not have this shape.
    """
    files = {}
    for part in ("validation", "test"):
        path = folder / f"{part}.npy"
        write_scratch(path, npy_bytes(dataset.images(part, shape)))
        files[part] = str(path)
    return files


def spread(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return up to 32 rows from all over a set, each once."""
    places = np.linspace(0, len(images) - 1, min(_ROWS, len(images))).round().astype(int)
    few: NDArray[np.float32] = images[places]
    return few
