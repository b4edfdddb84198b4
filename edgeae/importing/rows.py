"""The rows on which child processes evaluate an imported model: their shape and their files."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.system.scratch import write_scratch

#: Rows on which the outputs of an imported model are compared with those of the original.
_ROWS = 32


def input_shape(
    path: Path, declared: Sequence[int | None], rows: Sequence[int], name: str
) -> tuple[int, ...]:
    """Return the shape of one image, without the batch.

    Args:
        path: path of the model, for errors.
        declared: input shape of the model, without the batch; None for a free size.
        rows: shape of the data's rows.
        name: name of the dataset, for errors.

    Raises:
        BadInput: the model does not take rows of this shape.
    """
    for row in (tuple(rows), (*rows, 1)):  # with a channel axis added
        if len(row) == len(declared):
            shape = tuple(size or there for size, there in zip(declared, row, strict=True))
            if shape == row:
                return shape
    fixed = tuple(size for size in declared if size is not None)
    if len(fixed) == len(declared) and math.prod(fixed) == math.prod(rows):
        return fixed
    sizes = ", ".join("any" if size is None else str(size) for size in declared)
    width = f", {math.prod(fixed)} values" if len(fixed) == len(declared) else ""
    raise BadInput(
        f"{path}: takes images of ({sizes}){width}; dataset {name} has rows of {tuple(rows)}, "
        f"{math.prod(rows)} values"
    )


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
