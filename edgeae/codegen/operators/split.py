"""SPLIT: equal parts of the input along an axis."""

from collections.abc import Sequence

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step
from edgeae.codegen.strided import Region, copy, known_type, strides


def constant_axis(operation: Operation) -> bool:
    """The axis is a constant."""
    return operation.integers(0) is not None


def equal_parts(operation: Operation) -> bool:
    """The outputs are equal parts of the input, of its element type."""
    source, axis, count = operation.input(1), _axis(operation), max(len(operation.outputs), 1)
    part = list(source.shape)
    part[axis] //= count
    outputs = [operation.output(place) for place in range(count)]
    return source.shape[axis] % count == 0 and all(
        (item.dtype, item.shape) == (source.dtype, tuple(part)) for item in outputs
    )


CONSTRAINTS = (known_type, constant_axis, equal_parts)


def _axis(operation: Operation) -> int:
    values, rank = operation.integers(0), len(operation.input(1).shape)
    assert values is not None
    axis = int(values.reshape(-1)[0])
    return axis + rank * (axis < 0)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one copy for each output that is used."""
    axis, read = _axis(operation), strides(operation.input(1).shape)
    steps = []
    for place, target in enumerate(operation.outputs):
        shape = operation.output(place).shape
        start = place * shape[axis] * read[axis]
        if _used(operation, target):
            region = Region(shape, read, strides(shape), start)
            steps.append(copy(operation, operation.inputs[1], target, region))
    return steps


def _used(operation: Operation, index: int) -> bool:
    graph = operation.graph
    return index in graph.outputs.values() or any(index in item.inputs for item in graph.operators)
