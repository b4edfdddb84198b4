"""FULLY_CONNECTED: rows of weights times the input, plus a bias.

Integer sums are rescaled as LiteRT's reference kernel does, with one rounding of a float64 product
(tflite/kernels/internal/reference/integer_ops/fully_connected.h). For int8, integers give the same
results, see `edgeae.codegen.rescale`; sums of int16 are too wide for that, so their kernel
multiplies doubles.

Weights are dense, or compressed as `edgeae.codegen.packing` decides.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen import packing, weighted
from edgeae.codegen.operation import Operation, activation_limits, zero_point
from edgeae.codegen.rescale import fixed_point
from edgeae.codegen.step import Alias, Band, Constant, Member, Step
from edgeae.codegen.weighted import biases, narrow_sums
from edgeae.errors import BadInput

#: Sums of int16 beyond this have no exact float64.
_EXACT = 1 << 53


def plain_weights(operation: Operation) -> bool:
    """The weights are stored row by row, and shapes of weights, bias and output fit."""
    weights, stored = operation.constant(1), operation.constant(2)
    rows, columns = math.prod(operation.input(1).shape[:-1]), operation.input(1).shape[-1]
    return (
        operation.options.get("weightsFormat", 0) == 0
        and weights is not None
        and (stored is None or stored.size == rows)
        and operation.output().shape[-1] == rows
        and columns > 0
        and math.prod(operation.input().shape) * rows
        == math.prod(operation.output().shape) * columns
    )


CONSTRAINTS = (
    weighted.constant_weights,
    weighted.supported_types,
    weighted.scales_of_integers,
    weighted.known_activation,
    plain_weights,
)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    weights = matrix(operation)
    rows, columns = weights.shape
    kernel, members = _KINDS[operation.input().dtype](operation, weights)
    if kernel != "fully_connected_int8_double":  # which is rare: it reads dense weights only
        kernel, members = packing.packed(kernel, members, rows, operation.optimize, True)
    batches = math.prod(operation.input().shape) // columns
    sizes: dict[str, Member] = {"batches": batches, "rows": rows, "columns": columns}
    return [
        Step(
            kernel,
            (operation.inputs[0],),
            operation.outputs[0],
            members | sizes,
            operator=operation.index,
            band=_band(members, columns) if batches == 1 else None,
        )
    ]


def _band(members: dict[str, Member], columns: int) -> Band | None:
    """Return a band of rows; none of compressed weights, which are read from the first row on."""
    return Band("rows", 1, _advance(members, columns)) if "weights" in members else None


def _advance(members: dict[str, Member], columns: int) -> dict[str, int]:
    """Return what the next row adds to each array of the layer."""
    step = members.get("channel_step", 0)
    assert isinstance(step, int)
    steps = {"weights": columns, "bias": 1, "multipliers": step, "shifts": step, "scales": step}
    return {key: value for key, value in steps.items() if key in members}


def matrix(operation: Operation) -> NDArray[Any]:
    """Return the weights, (rows, columns), as they are stored."""
    weights = operation.constant(1)
    assert weights is not None
    return weights.reshape(-1, weights.shape[-1])


def _of_int8(operation: Operation, weights: NDArray[Any]) -> tuple[str, dict[str, Member]]:
    bias = folded_bias(operation, weights)
    offset = zero_point(operation.output())
    low, high = activation_limits(operation)
    scales, sums = scales_and_limits(operation, weights, bias)
    kernel, rescale = _rescale(scales, sums, low - offset, high - offset)
    return kernel, {
        "weights": Constant("weights", weights.reshape(-1)),
        "bias": Constant("bias", bias),
        **rescale,
        "channel_step": int(len(scales) > 1),
        "zero_point": offset,
        "low": low,
        "high": high,
    }


def _rescale(
    scales: list[float], sums: list[tuple[int, int]], low: int, high: int
) -> tuple[str, dict[str, Member]]:
    """Return the kernel of int8 and how it rescales: by integers, or by doubles where none do."""
    try:
        pairs = [fixed_point(a, low, high, b) for a, b in zip(scales, sums, strict=True)]
    except BadInput:
        # two sums are so near to halves that no multiplier of 31 bits tells them apart
        return "fully_connected_int8_double", {
            "scales": Constant("scales", np.array(scales, np.float64))
        }
    multipliers, shifts = zip(*pairs, strict=True)
    return "fully_connected_int8", {
        "multipliers": Constant("multipliers", np.array(multipliers, np.int32)),
        "shifts": Constant("shifts", np.array(shifts, np.uint8)),
    }


def _of_int16(operation: Operation, weights: NDArray[Any]) -> tuple[str, dict[str, Member]]:
    bias = biases(operation, len(weights), np.int64)
    reach = np.abs(bias) + (1 << 15) * np.abs(weights.astype(np.int64)).sum(axis=1)
    stored = operation.constant(2)
    # with a bias of 32 bits the reference kernel sums in 32 bits
    most = _EXACT if stored is None or stored.dtype == np.int64 else 1 << 31
    if stored is None and narrow_sums(operation):
        most = 1 << 31
    if reach.max(initial=0) >= most:
        raise BadInput(f"a sum may exceed {most.bit_length() - 1} bits")
    scales = weighted.scales(operation)
    low, high = activation_limits(operation)
    return "fully_connected_int16", {
        "weights": Constant("weights", weights.reshape(-1)),
        "bias": Constant("bias", bias),
        "scales": Constant("scales", np.array(scales, np.float64)),
        "channel_step": int(len(scales) > 1),
        "low": low,
        "high": high,
    }


def _of_float32(operation: Operation, weights: NDArray[Any]) -> tuple[str, dict[str, Member]]:
    kind, members = weighted.of_floats(operation, weights)
    return f"fully_connected_{kind}", members


_KINDS = {"int8": _of_int8, "int16": _of_int16, "float32": _of_float32}


def folded_bias(operation: Operation, weights: NDArray[Any]) -> NDArray[np.int32]:
    """Return the bias of int8 with what the input's zero point adds to each row.

    Raises:
        BadInput: a sum does not fit into 32 bits.
    """
    wide = weights.astype(np.int64)
    bias = biases(operation, len(wide), np.int64)
    bias = bias - zero_point(operation.input()) * wide.sum(axis=1)
    if (np.abs(bias) + 128 * np.abs(wide).sum(axis=1)).max(initial=0) >= 1 << 31:
        raise BadInput("a sum may exceed 32 bits")
    folded: NDArray[np.int32] = bias.astype(np.int32)
    return folded


def scales_and_limits(
    operation: Operation, weights: NDArray[Any], bias: NDArray[np.int32]
) -> tuple[list[float], list[tuple[int, int]]]:
    """Return each scale (one, or one per row) and the sums of int8 that can occur under it."""
    wide = weights.astype(np.int64)
    highest = bias + np.maximum(127 * wide, -128 * wide).sum(axis=1)
    lowest = bias + np.minimum(127 * wide, -128 * wide).sum(axis=1)
    scales = weighted.scales(operation)
    if len(scales) == 1:
        return scales, [(int(lowest.min()), int(highest.max()))]
    return scales, [(int(a), int(b)) for a, b in zip(lowest, highest, strict=True)]
