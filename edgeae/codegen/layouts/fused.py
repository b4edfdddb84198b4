"""A step that takes the next operator in: a function of each int8 value, which is a table."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import operators
from edgeae.codegen.operation import Operation, activation_limits
from edgeae.codegen.step import Constant, Step

_TABLE = "table_int8"


def output_and_table(operation: Operation) -> tuple[int, NDArray[np.int8] | None]:
    """Return the tensor that the operator's step writes, and the function of its int8 results.

    The function is the operator's fused activation, then the next operator if that is a table and
    the only one that reads the result. None if there is nothing to compute. Index 0 is −128.
    """
    low, high = activation_limits(operation)
    values = np.clip(np.arange(-128, 128), low, high)
    table: NDArray[np.int8] = values.astype(np.int8)
    following = _following(operation)
    if following is None:
        return operation.outputs[0], None if (low, high) == (-128, 127) else table
    return following.outputs[0], _table(following)[values + 128]


def absorbed(operation: Operation) -> Operation | None:
    """Return the operator whose step computes this one, if it has been taken in by it."""
    if not operation.inputs:
        return None
    for index, item in enumerate(operation.graph.operators):
        if operation.inputs[0] in item.outputs:
            producer = _operation(operation, index)
            following = _following(producer)
            return producer if following and following.index == operation.index else None
    return None


def _following(operation: Operation) -> Operation | None:
    """Return the table that alone reads the operator's output, if the model does not return it."""
    result = operation.outputs[0]
    if result in operation.graph.outputs.values():
        return None
    readers = [n for n, item in enumerate(operation.graph.operators) if result in item.inputs]
    if len(readers) != 1:
        return None
    reader = _operation(operation, readers[0])
    return reader if _step(reader) else None


def _operation(near: Operation, index: int) -> Operation:
    item = near.graph.operators[index]
    return replace(
        near,
        index=index,
        name=item.name,
        inputs=item.inputs,
        outputs=item.outputs,
        options=item.options,
    )


def _step(operation: Operation) -> Step | None:
    """Return the operator's step if it is a table of int8 alone."""
    entry = operators.operator(operation.name)
    if entry is None or operation.input().dtype != "int8" or operation.output().dtype != "int8":
        return None
    if not operators.supported(operation):
        return None
    steps = entry.lower(operation)
    if len(steps) == 1 and isinstance(steps[0], Step) and steps[0].kernel == _TABLE:
        return steps[0]
    return None


def _table(operation: Operation) -> NDArray[np.int8]:
    step = _step(operation)
    assert step is not None
    constant = step.members["table"]
    assert isinstance(constant, Constant)
    table: NDArray[np.int8] = constant.values.astype(np.int8)
    return table
