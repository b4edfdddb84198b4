"""Rows of weights for kernels that compute several rows at once, each row in a lane of its own.

The weights of four columns lie together for each row of a panel, so no sum across lanes is needed.
A convolution is such rows of weights too: its columns are the taps of all input channels. Of a
transposed convolution, each phase is: `edgeae/codegen/c/conv_phase.c` says what a phase is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import convolution
from edgeae.codegen.convolution import Convolution
from edgeae.codegen.operation import Operation, zero_point
from edgeae.codegen.operators import conv_2d, fully_connected, transpose_conv
from edgeae.codegen.step import Constant, Member, Step
from edgeae.codegen.weighted import source

#: Rows of the smallest panel, and columns whose weights lie together.
ROWS, COLUMNS = 16, 4
#: Output channels for which a panel of 16 rows is mostly empty.
_FEW = 2
#: Members of the portable convolution that such kernels have, too.
_GEOMETRY = (
    *("batches", "in_height", "in_width", "in_channels"),
    *("out_height", "out_width", "kernel_height", "kernel_width"),
    *("stride_height", "stride_width", "dilation_height", "dilation_width"),
    *("spread_height", "spread_width"),
    *("pad_top", "pad_left", "in_zero_point", "zero_point"),
    *("low", "high"),
)


@dataclass(frozen=True)
class Rows:
    """Rows of weights that meet one input.

    Attributes:
        weights: shape (rows, columns).
        bias: what is added to the products of the weights with the stored integers; int64.
    """

    weights: NDArray[Any]
    bias: NDArray[np.int64]


@dataclass(frozen=True)
class Matrix:
    """An operator as rows of weights.

    Attributes:
        name: `fully_connected` or `conv`.
        phases: the rows of each phase, row phases first; one but for transposed convolutions.
        step: the step of portable C.
        members: those of the kernel, without weights and biases.
    """

    name: str
    phases: Sequence[Rows]
    step: Step
    members: dict[str, Member]


def matrix(operation: Operation) -> Matrix | None:
    """Return an operator of int8 that multiplies rows of weights; None for everything else.

    It is a FULLY_CONNECTED, a TRANSPOSE_CONV, or a CONV_2D without groups.

    Raises:
        BadInput: portable C cannot compute the operator.
    """
    if operation.output().dtype != "int8":
        return None
    if operation.name == "FULLY_CONNECTED":
        return _fully_connected(operation)
    module = {"CONV_2D": conv_2d, "TRANSPOSE_CONV": transpose_conv}.get(operation.name)
    return _convolution(operation, module.form(operation)) if module else None


def _fully_connected(operation: Operation) -> Matrix | None:
    (step,) = fully_connected.lower(operation)
    assert isinstance(step, Step)
    if "multipliers" not in step.members:
        return None  # it rescales by doubles
    weights = fully_connected.matrix(operation)
    names = ("batches", "rows", "columns", "zero_point", "low", "high")
    members = {name: step.members[name] for name in names}
    bias = _values(step.members["bias"]).astype(np.int64)
    rows = Rows(weights, bias)
    return Matrix("fully_connected", [rows], step, members | _rescales(step, len(weights)))


def _convolution(operation: Operation, form: Convolution) -> Matrix | None:
    if form.groups > 1:
        return None
    step = convolution.step(operation, form)
    bias = _values(step.members["bias"]).astype(np.int64)
    phases = []
    for taps in _phases(form):
        weights = taps.reshape(len(taps), -1)
        folded = zero_point(source(operation)) * weights.astype(np.int64).sum(axis=1)
        phases.append(Rows(weights, bias - folded))
    channels = len(form.weights)
    members = {name: step.members[name] for name in _GEOMETRY} | {"channels": channels}
    return Matrix("conv", phases, step, members | _rescales(step, channels))


def _phases(form: Convolution) -> Iterator[NDArray[Any]]:
    """Yield the taps that meet input pixels in each phase, in the order of the kernels."""
    firsts = (
        [(pad - output) % spread for output in range(spread)]
        for pad, spread in zip(form.pads, form.spreads, strict=True)
    )
    for row, column in product(*firsts):
        yield form.weights[:, row :: form.spreads[0], column :: form.spreads[1]]


def _rescales(step: Step, rows: int) -> dict[str, Member]:
    return {
        name: Constant(name, _filled(np.resize(_values(step.members[name]), rows)))
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
        scratch_bytes=4 * up(len(given.phases[0].weights), ROWS) + scratch,
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
    if given is None or not all(fits(item, 128) for item in given.phases):
        return None
    members = {
        "weights": panels(given.phases, (ROWS,), ROWS),
        "bias": biases(given.phases),
    }
    return [with_kernel(given, layout, members, up(most_columns(given) + COLUMNS, COLUMNS))]


def has_few_channels(operation: Operation) -> bool:
    """Return whether a convolution has so few output channels that most of a panel is empty.

    Under WebAssembly, portable C takes a quarter to a half of the time of 16 rows for them.
    """
    return operation.output().shape[-1] <= _FEW


def most_columns(given: Matrix) -> int:
    """Return the columns of the phase that has the most."""
    return max(int(item.weights.shape[1]) for item in given.phases)


def up(size: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-size // step) * step


def fits(rows: Rows, largest: int) -> bool:
    """Return whether every sum on the way fits into 32 bits, for inputs up to a magnitude."""
    reach = np.abs(rows.bias) + largest * np.abs(rows.weights.astype(np.int64)).sum(axis=1)
    return bool(reach.max(initial=0) < 1 << 31)


def biases(phases: Sequence[Rows]) -> Constant:
    """Return the biases of phases, each filled up to whole panels."""
    return Constant("bias", np.concatenate([_filled(item.bias) for item in phases]))


def _filled(values: NDArray[Any]) -> NDArray[np.int32]:
    """Return one value of 32 bits for each row, filled up to whole panels."""
    whole = np.ones(up(len(values), ROWS), np.int32)
    whole[: len(values)] = values
    return whole


def panels(phases: Sequence[Rows], sizes: Sequence[int], alignment: int) -> Constant:
    """Return the weights of phases in panels.

    Args:
        phases: the phases; each begins with a panel of its own.
        sizes: rows of a panel, the largest first, `ROWS` last; a panel is as large as the rows
            that are left allow.
        alignment: bytes that the array is aligned to.
    """
    values = [
        _panel(part) for item in phases for part in _parts(_whole_panels(item.weights), sizes)
    ]
    return Constant("weights", np.concatenate(values), alignment)


def _whole_panels(weights: NDArray[Any]) -> NDArray[np.int8]:
    rows, columns = weights.shape
    whole = np.zeros((up(rows, ROWS), up(columns, COLUMNS)), np.int8)
    whole[:rows, :columns] = weights
    return whole


def _parts(whole: NDArray[np.int8], sizes: Sequence[int]) -> Iterator[NDArray[np.int8]]:
    row = 0
    while row < len(whole):
        size = next(size for size in sizes if len(whole) - row >= size)
        yield whole[row : row + size]
        row += size


def _panel(part: NDArray[np.int8]) -> NDArray[np.int8]:
    fours = part.reshape(len(part), -1, COLUMNS).transpose(1, 0, 2)
    return np.ascontiguousarray(fours).reshape(-1)
