"""Rows of weights for kernels that compute several rows at once, each row in a lane of its own.

The weights of four columns lie together for each row of a panel, so no sum across lanes is needed.
A convolution is such rows of weights too: its columns are the taps of all input channels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.operators import conv_2d, fully_connected
from edgeae.codegen.step import Constant, Member, Step

#: Rows of the smallest panel, and columns whose weights lie together.
ROWS, COLUMNS = 16, 4
#: Members of the portable convolution that such kernels have, too.
_GEOMETRY = (
    *("batches", "in_height", "in_width", "in_channels"),
    *("out_height", "out_width", "kernel_height", "kernel_width"),
    *("stride_height", "stride_width", "dilation_height", "dilation_width"),
    *("pad_top", "pad_left", "in_zero_point", "zero_point"),
    *("low", "high"),
)


@dataclass(frozen=True)
class Matrix:
    """An operator as rows of weights.

    Attributes:
        name: `fully_connected` or `conv`.
        weights: shape (rows, columns).
        bias: what is added to the products of the weights with the stored integers; int64.
        step: the step of portable C.
        members: those of the kernel, without weights and biases.
    """

    name: str
    weights: NDArray[Any]
    bias: NDArray[np.int64]
    step: Step
    members: dict[str, Member]


def matrix(operation: Operation) -> Matrix | None:
    """Return a FULLY_CONNECTED or a CONV_2D without groups, of int8; None for everything else.

    Raises:
        BadInput: portable C cannot compute the operator.
    """
    if operation.input().dtype != "int8":
        return None
    if operation.name == "FULLY_CONNECTED":
        return _fully_connected(operation)
    return _convolution(operation) if operation.name == "CONV_2D" else None


def _fully_connected(operation: Operation) -> Matrix | None:
    (step,) = fully_connected.lower(operation)
    assert isinstance(step, Step)
    if "multipliers" not in step.members:
        return None  # it rescales by doubles
    weights = fully_connected.matrix(operation)
    names = ("batches", "rows", "columns", "zero_point", "low", "high")
    members = {name: step.members[name] for name in names}
    bias = _values(step.members["bias"]).astype(np.int64)
    return Matrix("fully_connected", weights, bias, step, members | _rescales(step, len(weights)))


def _convolution(operation: Operation) -> Matrix | None:
    form = conv_2d.form(operation)
    if form.groups > 1:
        return None
    (step,) = conv_2d.lower(operation)
    assert isinstance(step, Step)
    weights = form.weights.reshape(len(form.weights), -1)
    folded = zero_point(operation.input()) * weights.astype(np.int64).sum(axis=1)
    members = {name: step.members[name] for name in _GEOMETRY} | {"channels": len(weights)}
    bias = _values(step.members["bias"]) - folded
    return Matrix("conv", weights, bias, step, members | _rescales(step, len(weights)))


def _rescales(step: Step, rows: int) -> dict[str, Member]:
    return {
        name: filled(name, np.resize(_values(step.members[name]), rows))
        for name in ("multipliers", "shifts")
    }


def _values(member: Member) -> NDArray[Any]:
    assert isinstance(member, Constant)
    return member.values


def with_kernel(given: Matrix, layout: str, members: Mapping[str, Member], scratch: int) -> Step:
    """Return the step of a layout's kernel.

    Args:
        given: the operator.
        layout: the layout, which ends the kernel's name.
        members: weights and biases.
        scratch: bytes that the kernel needs beside a sum of 32 bits for each row.
    """
    return replace(
        given.step,
        kernel=f"{given.name}_{layout}",
        members={**given.members, **members},
        scratch_bytes=4 * up(len(given.weights), ROWS) + scratch,
        band=None,
    )


def sixteen_rows(operation: Operation, layout: str) -> list[Step] | None:
    """Return the step of a kernel that computes 16 rows at once from signed inputs.

    Args:
        operation: the operator.
        layout: see `with_kernel`.

    Returns:
        None for all that portable C computes.
    """
    given = matrix(operation)
    if given is None or not fits(given.weights, given.bias, 128):
        return None
    members = {
        "weights": panels(given.weights, (ROWS,), ROWS),
        "bias": filled("bias", given.bias),
    }
    return [with_kernel(given, layout, members, up(given.weights.shape[1] + COLUMNS, COLUMNS))]


def up(size: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-size // step) * step


def fits(weights: NDArray[Any], bias: NDArray[np.int64], largest: int) -> bool:
    """Return whether every sum on the way fits into 32 bits, for inputs up to a magnitude."""
    reach = np.abs(bias) + largest * np.abs(weights.astype(np.int64)).sum(axis=1)
    return bool(reach.max(initial=0) < 1 << 31)


def filled(role: str, values: NDArray[Any]) -> Constant:
    """Return one value of 32 bits for each row, filled up to whole panels."""
    whole = np.ones(up(len(values), ROWS), np.int32)
    whole[: len(values)] = values
    return Constant(role, whole)


def panels(weights: NDArray[Any], sizes: Sequence[int], alignment: int) -> Constant:
    """Return weights (rows, columns) in panels.

    Args:
        weights: the weights.
        sizes: rows of a panel, the largest first, `ROWS` last; a panel is as large as the rows
            that are left allow.
        alignment: bytes that the array is aligned to.
    """
    rows, columns = weights.shape
    whole = np.zeros((up(rows, ROWS), up(columns, COLUMNS)), np.int8)
    whole[:rows, :columns] = weights
    values = [_panel(part) for part in _parts(whole, sizes)]
    return Constant("weights", np.concatenate(values), alignment)


def _parts(whole: NDArray[np.int8], sizes: Sequence[int]) -> Iterator[NDArray[np.int8]]:
    row = 0
    while row < len(whole):
        size = next(size for size in sizes if len(whole) - row >= size)
        yield whole[row : row + size]
        row += size


def _panel(part: NDArray[np.int8]) -> NDArray[np.int8]:
    fours = part.reshape(len(part), -1, COLUMNS).transpose(1, 0, 2)
    return np.ascontiguousarray(fours).reshape(-1)
