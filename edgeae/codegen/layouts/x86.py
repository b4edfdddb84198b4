"""Layout `x86`: kernels of x86-64 that compute 64 or 16 rows of weights at once.

The weights of four columns lie together for each row of a panel, so that a row has one lane of a
register and no sum across lanes is needed. `edgeae/codegen/c/sums_x86.c` describes the panels.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.convolution import Convolution
from edgeae.codegen.operation import Operation
from edgeae.codegen.operators import conv_2d, fully_connected
from edgeae.codegen.step import Alias, Constant, Member, Step

#: Rows of a block, blocks of a wide panel, columns that lie together, and columns of a line of 64.
_ROWS, _BLOCKS, _COLUMNS, _LINE = 16, 4, 4, 64


def lower(operation: Operation) -> list[Step | Alias] | None:
    """Return the step of a FULLY_CONNECTED or CONV_2D of int8; None for everything else."""
    if operation.input().dtype != "int8":
        return None
    if operation.name == "FULLY_CONNECTED":
        return [_fully_connected(operation)]
    return None


def _fully_connected(operation: Operation) -> Step:
    (step,) = fully_connected.lower(operation)
    assert isinstance(step, Step)
    weights = fully_connected.matrix(operation)
    members = {**step.members, **rows_of(weights, step.members)}
    del members["channel_step"]
    rows, columns = weights.shape
    return Step(
        "fully_connected_x86",
        step.inputs,
        step.output,
        members,
        scratch_bytes=scratch_bytes(rows, columns),
        operator=operation.index,
    )


def rows_of(weights: NDArray[Any], members: dict[str, Member]) -> dict[str, Member]:
    """Return the constants of rows of weights, filled up to whole blocks.

    Args:
        weights: shape (rows, columns).
        members: those of the portable kernel; its biases are for the stored integers.
    """
    rows, wide = len(weights), weights.astype(np.int64)
    bias = _values(members["bias"]).astype(np.int64)
    return {
        "weights": Constant("weights", panels(weights), _LINE),
        "bias": _filled("bias", bias - 128 * wide.sum(axis=1)),
        "signed_bias": _filled("bias", bias),
        "multipliers": _filled("multipliers", np.resize(_values(members["multipliers"]), rows)),
        "shifts": _filled("shifts", np.resize(_values(members["shifts"]), rows)),
    }


def _values(member: Member) -> NDArray[Any]:
    assert isinstance(member, Constant)
    return member.values


def _filled(role: str, values: NDArray[Any]) -> Constant:
    """Return one value for each row of whole blocks, of 32 bits; sums wrap as in the kernel."""
    filled = np.ones(-(-len(values) // _ROWS) * _ROWS, np.int64)
    filled[: len(values)] = values
    return Constant(role, filled.astype(np.int32))


def panels(weights: NDArray[Any]) -> NDArray[np.int8]:
    """Return weights (rows, columns) as the kernels read them."""
    rows, columns = weights.shape
    filled = np.zeros((-(-rows // _ROWS) * _ROWS, -(-columns // _COLUMNS) * _COLUMNS), np.int8)
    filled[:rows, :columns] = weights
    return np.concatenate([_panel(part) for part in _parts(filled)])


def _parts(filled: NDArray[np.int8]) -> Iterator[NDArray[np.int8]]:
    row = 0
    while row < len(filled):
        size = _ROWS * (_BLOCKS if len(filled) - row >= _ROWS * _BLOCKS else 1)
        yield filled[row : row + size]
        row += size


def _panel(part: NDArray[np.int8]) -> NDArray[np.int8]:
    fours = part.reshape(len(part), -1, _COLUMNS).transpose(1, 0, 2)
    return np.ascontiguousarray(fours).reshape(-1)


def scratch_bytes(rows: int, columns: int) -> int:
    """Return the bytes of the sums, and of the input's words with their places."""
    return 4 * -(-rows // _ROWS) * _ROWS + 2 * -(-columns // _LINE) * _LINE
