"""DEPTHWISE_CONV_2D: every input channel has filters of its own."""

from collections.abc import Sequence

from edgeae.codegen import convolution
from edgeae.codegen.convolution import Convolution, output_extent, pad_before
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step


def fitting_shapes(operation: Operation) -> bool:
    """The shapes of input, filter, bias and output fit each other."""
    batches, _, _, channels = operation.input().shape
    first, _, _, outputs = operation.input(1).shape
    rows, columns = (output_extent(*axis) for axis in _axes(operation))
    return (
        first == 1
        and outputs % channels == 0
        and convolution.fitting_bias(operation)
        and operation.output().shape == (batches, rows, columns, outputs)
    )


def fitting_multiplier(operation: Operation) -> bool:
    """Of int16, the depth multiplier in the options is that of the shapes."""
    if operation.input().dtype != "int16":
        return True  # the reference does not look at the option
    outputs, channels = operation.output().shape[3], operation.input().shape[3]
    return bool(outputs == channels * operation.options["depthMultiplier"])


CONSTRAINTS = (*convolution.CONSTRAINTS, fitting_shapes, fitting_multiplier)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    return [convolution.step(operation, form(operation))]


def form(operation: Operation) -> Convolution:
    """Return the operator as a convolution with a group for each input channel."""
    weights = operation.constant(1)
    assert weights is not None
    top, left = (pad_before(*axis) for axis in _axes(operation))
    return Convolution(
        weights.transpose(3, 1, 2, 0),
        groups=operation.input().shape[3],
        strides=convolution.strides(operation),
        dilations=convolution.dilations(operation),
        pads=(top, left),
    )


def _axes(operation: Operation) -> Sequence[tuple[int, int, int, int, int]]:
    _, height, width, _ = operation.input().shape
    _, rows, columns, _ = operation.input(1).shape
    return convolution.axes(operation, (height, width), (rows, columns))
