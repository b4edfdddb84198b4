"""Layout `x86`: kernels of x86-64 that compute 64 or 16 rows of weights at once.

The weights of four columns lie together for each row of a panel, so that a row has one lane of a
register and no sum across lanes is needed. `edgeae/codegen/c/sums_x86.c` describes the panels.
A convolution is such rows of weights too: its columns are the taps of all input channels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import operators
from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.operators import conv_2d, fully_connected
from edgeae.codegen.step import Alias, Constant, Member, Step

#: Rows of a block, blocks of a wide panel, columns that lie together, and columns of a line of 64.
_ROWS, _BLOCKS, _COLUMNS, _LINE = 16, 4, 4, 64
#: Members of the portable convolution that the kernel has, too.
_GEOMETRY = (
    *("batches", "in_height", "in_width", "in_channels"),
    *("out_height", "out_width", "kernel_height", "kernel_width"),
    *("stride_height", "stride_width", "dilation_height", "dilation_width"),
    *("pad_top", "pad_left", "in_zero_point", "zero_point"),
    *("low", "high"),
)
#: Operators of which int8 is looked up in a table.
_TABLES = ("ELU", "HARD_SWISH", "LOGISTIC", "TANH")


def lower(operation: Operation) -> list[Step | Alias] | None:
    """Return the steps of an operator of int8; None for all that portable C computes."""
    if operation.input().dtype != "int8":
        return None
    if operation.name == "FULLY_CONNECTED":
        return _fully_connected(operation)
    if operation.name == "CONV_2D":
        return _convolution(operation)
    return _table(operation) if operation.name in _TABLES else None


def _fully_connected(operation: Operation) -> list[Step | Alias] | None:
    (step,) = fully_connected.lower(operation)
    assert isinstance(step, Step)
    weights = fully_connected.matrix(operation)
    constants = _constants(weights, _values(step.members["bias"]), step.members)
    if constants is None:
        return None
    members = {**step.members, **constants}
    del members["channel_step"]
    return [_with_rows(step, "fully_connected_x86", members, weights)]


def _convolution(operation: Operation) -> list[Step | Alias] | None:
    form = conv_2d.form(operation)
    if form.groups > 1:
        return None
    (step,) = conv_2d.lower(operation)
    assert isinstance(step, Step)
    weights = form.weights.reshape(len(form.weights), -1)
    offset = zero_point(operation.input())
    bias = _values(step.members["bias"]) - offset * weights.astype(np.int64).sum(axis=1)
    constants = _constants(weights, bias, step.members)
    if constants is None:
        return None
    geometry = {name: step.members[name] for name in _GEOMETRY}
    members = {**geometry, "channels": len(weights), **constants}
    return [_with_rows(step, "conv_x86", members, weights)]


def _table(operation: Operation) -> list[Step | Alias] | None:
    found = operators.operator(operation.name)
    assert found is not None
    (step,) = found.lower(operation)
    assert isinstance(step, Step)
    return [replace(step, kernel="table_x86")] if step.kernel == "table_int8" else None


def _with_rows(
    step: Step, kernel: str, members: Mapping[str, Member], weights: NDArray[Any]
) -> Step:
    """Return the step of a kernel with a sum for each row, and two numbers for each word."""
    rows, columns = weights.shape
    scratch = 4 * _up(rows, _ROWS) + 2 * _up(columns, _LINE)
    return replace(step, kernel=kernel, members=members, scratch_bytes=scratch, band=None)


def _constants(
    weights: NDArray[Any], bias: NDArray[Any], given: Mapping[str, Member]
) -> dict[str, Member] | None:
    """Return the arrays of rows of weights, filled up to whole blocks.

    Args:
        weights: shape (rows, columns).
        bias: what is added to the products of the weights with the stored integers.
        given: multipliers and shifts of the portable kernel, one for all rows or one for each.

    Returns:
        The members; None if a sum may exceed 32 bits on the way.
    """
    rows, wide = len(weights), weights.astype(np.int64)
    signed = bias.astype(np.int64)
    unsigned = signed - 128 * wide.sum(axis=1)
    # the signed sums are only of vectors, which wrap
    if (np.abs(unsigned) + 255 * np.abs(wide).sum(axis=1)).max(initial=0) >= 1 << 31:
        return None
    return {
        "weights": Constant("weights", _panels(weights), _LINE),
        "bias": _filled("bias", unsigned),
        "signed_bias": _filled("bias", signed),
        "multipliers": _filled("multipliers", np.resize(_values(given["multipliers"]), rows)),
        "shifts": _filled("shifts", np.resize(_values(given["shifts"]), rows)),
    }


def _values(member: Member) -> NDArray[Any]:
    assert isinstance(member, Constant)
    return member.values


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def _filled(role: str, values: NDArray[Any]) -> Constant:
    filled = np.ones(_up(len(values), _ROWS), np.int32)
    filled[: len(values)] = values
    return Constant(role, filled)


def _panels(weights: NDArray[Any]) -> NDArray[np.int8]:
    rows, columns = weights.shape
    filled = np.zeros((_up(rows, _ROWS), _up(columns, _COLUMNS)), np.int8)
    filled[:rows, :columns] = weights
    return np.concatenate([_panel(part) for part in _parts(filled)])


def _parts(filled: NDArray[np.int8]) -> Iterator[NDArray[np.int8]]:
    """Yield 64 rows at a time as long as there are as many, then 16."""
    row = 0
    while row < len(filled):
        size = _ROWS * (_BLOCKS if len(filled) - row >= _ROWS * _BLOCKS else 1)
        yield filled[row : row + size]
        row += size


def _panel(part: NDArray[np.int8]) -> NDArray[np.int8]:
    fours = part.reshape(len(part), -1, _COLUMNS).transpose(1, 0, 2)
    return np.ascontiguousarray(fours).reshape(-1)
