"""RESHAPE, SQUEEZE and EXPAND_DIMS: the output has the bytes of the input."""

import math
from collections.abc import Sequence

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step


def same_values(operation: Operation) -> bool:
    """The output has as many values as the input, of the same type."""
    source, target = operation.input(), operation.output()
    return (math.prod(source.shape), source.dtype) == (math.prod(target.shape), target.dtype)


CONSTRAINTS = (same_values,)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return an alias."""
    return [Alias(operation.inputs[0], operation.outputs[0], operation.index)]
