"""FULLY_CONNECTED: rows of weights times the input, plus a bias."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import Operation, activation_limits, scale, zero_point
from edgeae.codegen.rescale import fixed_point
from edgeae.codegen.step import Alias, Band, Constant, Step
from edgeae.errors import BadInput


def int8_everywhere(operation: Operation) -> bool:
    """Input, weights and output are int8; dynamic-range weights need an interpreter."""
    tensors = operation.input(), operation.input(1), operation.output()
    return all(tensor.dtype == "int8" for tensor in tensors)


def constant_weights(operation: Operation) -> bool:
    """Weights and bias are constants, and the weights' zero point is 0."""
    weights = operation.input(1)
    return (
        operation.constant(1) is not None
        and (not operation.has(2) or operation.constant(2) is not None)
        and not any(weights.zero_points)
    )


def known_activation(operation: Operation) -> bool:
    """The fused activation is none, RELU, RELU_N1_TO_1 or RELU6."""
    return operation.options.get("fusedActivationFunction", 0) in (0, 1, 2, 3)


CONSTRAINTS = (int8_everywhere, constant_weights, known_activation)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step; the bias takes in the input's zero point."""
    source, target = operation.input(), operation.output()
    weights = _matrix(operation)
    rows, columns = weights.shape
    bias = folded_bias(operation, weights)
    low, high = activation_limits(operation)
    offset = zero_point(target)
    rescales = [
        fixed_point(item, low - offset, high - offset, limits)
        for item, limits in zip(*scales_and_limits(operation, weights, bias), strict=True)
    ]
    batches, step = math.prod(source.shape) // columns, int(len(rescales) > 1)
    return [
        Step(
            "fully_connected_int8",
            (operation.inputs[0],),
            operation.outputs[0],
            {
                "weights": Constant("weights", weights.reshape(-1)),
                "bias": Constant("bias", bias),
                "multipliers": Constant(
                    "multipliers", np.array([item[0] for item in rescales], np.int32)
                ),
                "shifts": Constant("shifts", np.array([item[1] for item in rescales], np.uint8)),
                "batches": batches,
                "rows": rows,
                "columns": columns,
                "channel_step": step,
                "zero_point": offset,
                "low": low,
                "high": high,
            },
            operator=operation.index,
            band=None if batches > 1 else Band("rows", 1, _advance(columns, step)),
        )
    ]


def _advance(columns: int, step: int) -> dict[str, int]:
    return {"weights": columns, "bias": 1, "multipliers": step, "shifts": step}


def _matrix(operation: Operation) -> NDArray[np.int8]:
    weights = operation.constant(1)
    assert weights is not None
    return weights.reshape(-1, weights.shape[-1])


def folded_bias(operation: Operation, weights: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return the bias with what the input's zero point adds to each row.

    Raises:
        BadInput: a sum does not fit into 32 bits.
    """
    wide = weights.astype(np.int64)
    stored = operation.constant(2)
    bias = np.zeros(len(wide), np.int64) if stored is None else stored.astype(np.int64)
    bias = bias - zero_point(operation.input()) * wide.sum(axis=1)
    if (np.abs(bias) + 128 * np.abs(wide).sum(axis=1)).max(initial=0) >= 1 << 31:
        raise BadInput("a sum may exceed 32 bits")
    folded: NDArray[np.int32] = bias.astype(np.int32)
    return folded


def scales_and_limits(
    operation: Operation, weights: NDArray[np.int8], bias: NDArray[np.int32]
) -> tuple[list[float], list[tuple[int, int]]]:
    """Return each scale (one, or one per row) and the accumulators that can occur under it."""
    wide = weights.astype(np.int64)
    highest = bias + np.maximum(127 * wide, -128 * wide).sum(axis=1)
    lowest = bias + np.minimum(127 * wide, -128 * wide).sum(axis=1)
    source, target = scale(operation.input()), scale(operation.output())
    scales = [source * item / target for item in operation.input(1).scales]
    if len(scales) == 1:
        return scales, [(int(lowest.min()), int(highest.max()))]
    return scales, [(int(a), int(b)) for a, b in zip(lowest, highest, strict=True)]
