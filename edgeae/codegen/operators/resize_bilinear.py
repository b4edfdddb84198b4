"""RESIZE_BILINEAR: each output value is a mean of up to four input values.

The rules are those of tflite/kernels/internal/reference/resize_bilinear.h: places between the input
values are counted in steps of 1/1024 for integers, and in float32 for floats. A place before the
first value or behind the last one gives that value.
"""

from collections.abc import Sequence

import numpy as np

from edgeae.codegen.elementwise import known_type, one_scale
from edgeae.codegen.operation import Operation
from edgeae.codegen.resizing import four_dimensions, known_size
from edgeae.codegen.step import Alias, Member, Step


def corners_or_centres(operation: Operation) -> bool:
    """align_corners and half_pixel_centers are not both set."""
    return not (operation.options["alignCorners"] and operation.options["halfPixelCenters"])


def last_place_inside(operation: Operation) -> bool:
    """The last row and column of integers, in steps of 1/1024, lie in the input."""
    if operation.input().dtype == "float32":
        return True
    sizes = zip(operation.input().shape[1:3], operation.output().shape[1:3], strict=True)
    return all(
        (output_size - 1) * step + offset < size << 10
        for size, output_size in sizes
        for step, offset in [_integer_step(operation, size, output_size)]
    )


CONSTRAINTS = (
    known_type,
    one_scale,
    four_dimensions,
    known_size,
    corners_or_centres,
    last_place_inside,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    source, target = operation.input(), operation.output()
    batches, height, width, channels = source.shape
    _, output_height, output_width, _ = target.shape
    step = _float_step if source.dtype == "float32" else _integer_step
    row_step, row_offset = step(operation, height, output_height)
    column_step, column_offset = step(operation, width, output_width)
    members: dict[str, Member] = {
        "batches": batches,
        "height": height,
        "width": width,
        "channels": channels,
        "output_height": output_height,
        "output_width": output_width,
        "row_step": row_step,
        "row_offset": row_offset,
        "column_step": column_step,
        "column_offset": column_offset,
    }
    kernel, inputs = f"resize_bilinear_{source.dtype}", (operation.inputs[0],)
    return [Step(kernel, inputs, operation.outputs[0], members, operator=operation.index)]


def _integer_step(operation: Operation, size: int, output_size: int) -> tuple[int, int]:
    """Return the distance of two outputs, and the place of the first, in steps of 1/1024."""
    ends = 1 if operation.options["alignCorners"] and output_size > 1 else 0
    step = (1024 * (size - ends) + (output_size - ends) // 2) // (output_size - ends)
    return step, step // 2 - 512 if operation.options["halfPixelCenters"] else 0


def _float_step(operation: Operation, size: int, output_size: int) -> tuple[float, float]:
    """Return the distance of two outputs, and the place of the first, in inputs."""
    ends = 1 if operation.options["alignCorners"] and output_size > 1 else 0
    step = float(np.float32(size - ends) / np.float32(output_size - ends))
    return step, step / 2 - 0.5 if operation.options["halfPixelCenters"] else 0.0
