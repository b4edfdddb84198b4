"""The shape of one image: what the model says, its free sizes as the data has them."""

import math
from collections.abc import Sequence
from pathlib import Path

from edgeae.errors import BadInput


def input_shape(
    path: Path, said: Sequence[int | None], rows: Sequence[int], name: str
) -> tuple[int, ...]:
    """Return the shape of one image, without the batch.

    Args:
        path: of the model, for errors.
        said: what the model takes; None for a size that it leaves open.
        rows: the shape of the data's rows.
        name: of the dataset, for errors.

    Raises:
        BadInput: the data has rows of another size.
    """
    for row in (tuple(rows), (*rows, 1)):  # a channel of its own
        if len(row) == len(said):
            shape = tuple(size or there for size, there in zip(said, row, strict=True))
            if shape == row:
                return shape
    fixed = tuple(size for size in said if size is not None)
    if len(fixed) == len(said) and math.prod(fixed) == math.prod(rows):
        return fixed
    told = ", ".join("any" if size is None else str(size) for size in said)
    width = f", {math.prod(fixed)} values" if len(fixed) == len(said) else ""
    raise BadInput(
        f"{path}: takes images of ({told}){width}; dataset {name} has rows of {tuple(rows)}, "
        f"{math.prod(rows)} values"
    )
