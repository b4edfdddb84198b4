"""RESIZE_NEAREST_NEIGHBOR: rows and columns of the output are copies of those of the input."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.elementwise import half_away, known_type, one_scale
from edgeae.codegen.operation import Operation
from edgeae.codegen.resizing import four_dimensions, known_size
from edgeae.codegen.step import Alias, Constant, Member, Step

CONSTRAINTS = (known_type, one_scale, four_dimensions, known_size)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step, with the place in the input of each row and column of the output."""
    source, target = operation.input(), operation.output()
    batches, height, width, channels = source.shape
    _, output_height, output_width, _ = target.shape
    members: dict[str, Member] = {
        "rows": Constant("rows", _places(operation, height, output_height)),
        "columns": Constant("columns", _places(operation, width, output_width)),
        "batches": batches,
        "height": height,
        "width": width,
        "output_height": output_height,
        "output_width": output_width,
        "pixel_bytes": channels * np.dtype(source.dtype).itemsize,
    }
    inputs = (operation.inputs[0],)
    return [Step("resize_nearest", inputs, operation.outputs[0], members, operator=operation.index)]


def _places(operation: Operation, size: int, output_size: int) -> NDArray[np.uint16]:
    """Return the nearest place of the input for each of the output, in float32.

    The rule is that of `GetNearestNeighbor` in
    tflite/kernels/internal/reference/resize_nearest_neighbor.h.
    """
    corners = operation.options["alignCorners"]
    ends = 1 if corners and output_size > 1 else 0
    ratio = np.float32(size - ends) / np.float32(output_size - ends)
    offset = np.float32(0.5 if operation.options["halfPixelCenters"] else 0)
    real = (np.arange(output_size, dtype=np.float32) + offset) * ratio
    places = half_away(real) if corners else np.floor(real).astype(np.int64)
    return np.clip(places, 0, size - 1).astype(np.uint16)
