"""CONV_2D: a two-dimensional convolution, with or without groups of channels."""

from collections.abc import Sequence

from edgeae.codegen import convolution
from edgeae.codegen.convolution import Convolution, output_extent, pad_before
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step


def fitting_shapes(operation: Operation) -> bool:
    """The shapes of input, filter, bias and output fit each other."""
    batches, _, _, channels = operation.input().shape
    outputs, _, _, depth = operation.input(1).shape
    rows, columns = (output_extent(*axis) for axis in _axes(operation))
    return (
        channels % depth == 0
        and outputs % (channels // depth) == 0
        and convolution.fitting_bias(operation)
        and operation.output().shape == (batches, rows, columns, outputs)
    )


CONSTRAINTS = (*convolution.CONSTRAINTS, fitting_shapes)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    return [convolution.step(operation, form(operation))]


def form(operation: Operation) -> Convolution:
    """Return the operator as a convolution."""
    weights = operation.constant(1)
    assert weights is not None
    top, left = (pad_before(*axis) for axis in _axes(operation))
    return Convolution(
        weights,
        groups=operation.input().shape[3] // weights.shape[3],
        strides=convolution.strides(operation),
        dilations=convolution.dilations(operation),
        pads=(top, left),
    )


def _axes(operation: Operation) -> Sequence[tuple[int, int, int, int, int]]:
    _, height, width, _ = operation.input().shape
    _, rows, columns, _ = operation.input(1).shape
    return convolution.axes(operation, (height, width), (rows, columns))
