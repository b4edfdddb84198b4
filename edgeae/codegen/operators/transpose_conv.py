"""TRANSPOSE_CONV: every input pixel adds its kernel to the output.

The reference adds into an array of sums as large as the output. Here each output value gathers what
falls on it, so no such array is needed; the integers are the same, and floats are summed in another
order.
"""

from collections.abc import Sequence

from edgeae.codegen import convolution
from edgeae.codegen.convolution import Convolution, output_extent, pad_before
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step


def constant_shape(operation: Operation) -> bool:
    """The output's shape is a constant, and that of the output tensor."""
    shape = operation.integers(0)
    return shape is not None and tuple(shape.reshape(-1).tolist()) == operation.output().shape


def fitting_shapes(operation: Operation) -> bool:
    """A convolution of the output's shape has that of the input, and filter and bias fit both."""
    batches, height, width, channels = operation.input(2).shape
    outputs, _, _, depth = operation.input(1).shape
    target = operation.output().shape
    return (
        channels == depth
        and (target[0], target[3]) == (batches, outputs)
        and tuple(output_extent(*axis) for axis in _axes(operation)) == (height, width)
        and convolution.fitting_bias(operation)
    )


CONSTRAINTS = (*convolution.CONSTRAINTS, constant_shape, fitting_shapes)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    return [convolution.step(operation, form(operation))]


def form(operation: Operation) -> Convolution:
    """Return the operator as a convolution of spread pixels with the kernel turned round.

    Its padding is what is left of the kernel beside the one tap on the first pixel.
    """
    weights = operation.constant(1)
    assert weights is not None
    _, rows, columns, _ = weights.shape
    top, left = (pad_before(*axis) for axis in _axes(operation))
    return Convolution(
        weights[:, ::-1, ::-1, :],
        spreads=convolution.strides(operation),
        pads=(rows - 1 - top, columns - 1 - left),
    )


def _axes(operation: Operation) -> Sequence[tuple[int, int, int, int, int]]:
    _, height, width, _ = operation.output().shape
    _, rows, columns, _ = operation.input(1).shape
    return convolution.axes(operation, (height, width), (rows, columns))
