"""Layout `x86`: kernels of x86-64 for AVX-512 VNNI, AVX2 and plain C, chosen by the compiler.

They compute 64, 32 or 16 rows of weights at once; a few rows, one after the other.
`edgeae/codegen/c/sums_x86.c` says how.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import operators
from edgeae.codegen.layouts.panels import (
    ROWS,
    Matrix,
    Rows,
    biases,
    fits,
    matrix,
    most_columns,
    panels,
    up,
    with_kernel,
)
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Constant, Step

#: Rows of a panel.
_PANELS = (64, 32, ROWS)
#: Up to so many rows lie one after the other: of a panel, most would be empty.
_FEW = 4
#: Columns whose words are read at once, and bytes of a cache line.
_LINE = 64
#: Operators of which int8 is looked up in a table.
_TABLES = ("ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "TANH")


def lower(operation: Operation) -> list[Step] | None:
    """Return the steps of an operator of int8; None for all that portable C computes."""
    if operation.name in _TABLES:
        return _table(operation)
    given = matrix(operation)
    if given is None or _has_short_sums(given):
        return None
    unsigned = [_unsigned(item) for item in given.phases]
    if not all(fits(item, 255) for item in unsigned):
        return None
    members = {
        "weights": _weights(given.phases),
        "bias": biases(unsigned),
        "signed_bias": biases(given.phases),
    }
    # of each word its four bytes, and its place
    return [with_kernel(given, "x86", members, 2 * up(most_columns(given), _LINE))]


def _has_short_sums(given: Matrix) -> bool:
    """Return whether a layer is a transposed convolution with a stride, to one channel.

    Each of its few sums is over a part of the kernel; portable C needs no copy of the input.
    """
    return len(given.phases) > 1 and len(given.phases[0].weights) == 1


def _weights(phases: Sequence[Rows]) -> Constant:
    """Return the weights of phases in panels, or row after row if there are few rows."""
    if len(phases[0].weights) > _FEW:
        return panels(phases, _PANELS, _LINE)
    lines = [_whole_lines(item.weights) for item in phases]
    return Constant("weights", np.concatenate(lines), _LINE)


def _whole_lines(weights: NDArray[Any]) -> NDArray[np.int8]:
    rows, columns = weights.shape
    whole = np.zeros((rows, up(columns, _LINE)), np.int8)
    whole[:, :columns] = weights
    return whole.reshape(-1)


def _unsigned(rows: Rows) -> Rows:
    """Return rows for inputs of 0 to 255, which are larger by 128 than those of the model."""
    return replace(rows, bias=rows.bias - 128 * rows.weights.astype(np.int64).sum(axis=1))


def _table(operation: Operation) -> list[Step] | None:
    found = operators.operator(operation.name)
    assert found is not None
    steps = [step for step in found.lower(operation) if isinstance(step, Step)]
    if [step.kernel for step in steps] != ["table_int8"]:
        return None
    return [replace(steps[0], kernel="table_x86")]
