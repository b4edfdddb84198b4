"""AVERAGE_POOL_2D and MAX_POOL_2D: a window at the border counts only what lies in the input."""

import math
from collections.abc import Sequence

from edgeae.codegen.elementwise import known_type, one_scale
from edgeae.codegen.float_limits import float_limits
from edgeae.codegen.operation import FUSED, Operation, activation_limits
from edgeae.codegen.step import Alias, Member, Step

_KERNELS = {"AVERAGE_POOL_2D": "average_pool", "MAX_POOL_2D": "max_pool"}
#: The schema's number of the padding VALID; SAME is 0.
_VALID = 1


def four_dimensions(operation: Operation) -> bool:
    """Input and output have four dimensions, none of them 0."""
    tensors = operation.input(), operation.output()
    return all(len(tensor.shape) == 4 and 0 not in tensor.shape for tensor in tensors)


def known_activation(operation: Operation) -> bool:
    """The fused activation is none, RELU, RELU_N1_TO_1 or RELU6."""
    return operation.options["fusedActivationFunction"] in FUSED


def moderate_window(operation: Operation) -> bool:
    """The window has 1 to 65,535 places, and the strides are above 0."""
    options = operation.options
    places = options["filterHeight"] * options["filterWidth"]
    return bool(0 < places < 1 << 16 and min(options["strideH"], options["strideW"]) > 0)


def expected_shape(operation: Operation) -> bool:
    """The output has the shape that the padding SAME or VALID gives."""
    options, (batches, height, width, channels) = operation.options, operation.input().shape
    rows = _places(operation, height, options["filterHeight"], options["strideH"])
    columns = _places(operation, width, options["filterWidth"], options["strideW"])
    return operation.output().shape == (batches, rows, columns, channels)


CONSTRAINTS = (
    known_type,
    one_scale,
    four_dimensions,
    known_activation,
    moderate_window,
    expected_shape,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    source, target = operation.input(), operation.output()
    batches, height, width, channels = source.shape
    options = operation.options
    low, high = (
        float_limits(operation) if source.dtype == "float32" else activation_limits(operation)
    )
    members: dict[str, Member] = {
        "batches": batches,
        "height": height,
        "width": width,
        "channels": channels,
        "output_height": target.shape[1],
        "output_width": target.shape[2],
        "filter_height": options["filterHeight"],
        "filter_width": options["filterWidth"],
        "stride_height": options["strideH"],
        "stride_width": options["strideW"],
        "top": _padding(operation, height, options["filterHeight"], options["strideH"]),
        "left": _padding(operation, width, options["filterWidth"], options["strideW"]),
        "low": low,
        "high": high,
    }
    kernel = f"{_KERNELS[operation.name]}_{source.dtype}"
    inputs = (operation.inputs[0],)
    return [Step(kernel, inputs, operation.outputs[0], members, operator=operation.index)]


def _places(operation: Operation, size: int, window: int, stride: int) -> int:
    """Return how many windows there are along an axis."""
    covered = size - window + 1 if operation.options["padding"] == _VALID else size
    return math.ceil(covered / stride)


def _padding(operation: Operation, size: int, window: int, stride: int) -> int:
    """Return the places of the first window that lie before the input."""
    if operation.options["padding"] == _VALID:
        return 0
    return max((_places(operation, size, window, stride) - 1) * stride + window - size, 0) // 2
