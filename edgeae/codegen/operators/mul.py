"""MUL: of two operands, which are broadcast."""

from collections.abc import Sequence

import numpy as np

from edgeae.codegen import operands
from edgeae.codegen.operation import Operation, activation_limits, scale, zero_point
from edgeae.codegen.rescale import twice
from edgeae.codegen.step import Alias, Member, Step

CONSTRAINTS = operands.CONSTRAINTS


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    dtype = operation.output().dtype
    places = operands.order(operation, commutative=True)
    floats = dtype == "float32"
    own = operands.float_limits(operation) if floats else _rescale(operation, places)
    return [
        Step(
            f"mul_{dtype}",
            operands.inputs(operation, places),
            operation.outputs[0],
            operands.loops(operation, places) | own,
            in_place=operands.overwritable(operation, places[0]),
            operator=operation.index,
        )
    ]


def _rescale(operation: Operation, places: Sequence[int]) -> dict[str, Member]:
    """Return the members that rescale a product; `Prepare` of mul.cc multiplies in float32."""
    first, second, target = (np.float32(scale(item)) for item in operands.tensors(operation))
    limit = operands.largest(operation, 0) * operands.largest(operation, 1)
    with np.errstate(over="ignore"):
        real = float(first * second / target)
    multiplier, shift = twice(real, limit)
    low, high = activation_limits(operation)
    return {
        "first_zero_point": zero_point(operation.input(places[0])),
        "second_zero_point": zero_point(operation.input(places[1])),
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point(operation.output()),
        "low": low,
        "high": high,
    }
