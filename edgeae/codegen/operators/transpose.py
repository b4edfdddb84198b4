"""TRANSPOSE: the axes in another order."""

from collections.abc import Sequence

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step
from edgeae.codegen.strided import Region, copy, known_type, strides


def constant_permutation(operation: Operation) -> bool:
    """The permutation is a constant."""
    return operation.integers(1) is not None


def permutes(operation: Operation) -> bool:
    """The output has the axes of the input in the order of the permutation."""
    source, target = operation.input(), operation.output()
    order = _order(operation)
    return sorted(order) == list(range(len(source.shape))) and target.shape == tuple(
        source.shape[axis] for axis in order
    )


CONSTRAINTS = (known_type, constant_permutation, permutes)


def _order(operation: Operation) -> list[int]:
    values = operation.integers(1)
    assert values is not None
    rank = len(operation.input().shape)
    return [axis + rank * (axis < 0) for axis in values.reshape(-1).tolist()]


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one copy, or an alias if only axes of one element move."""
    shape = operation.output().shape
    read = strides(operation.input().shape)
    region = Region(shape, [read[axis] for axis in _order(operation)], strides(shape))
    return [copy(operation, operation.inputs[0], operation.outputs[0], region)]
