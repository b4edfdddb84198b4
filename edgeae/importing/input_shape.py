"""The shape of one image: the model's input shape, with free sizes taken from the data."""

import math
from collections.abc import Sequence
from pathlib import Path

from edgeae.errors import BadInput


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
