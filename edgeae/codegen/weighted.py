"""What operators that multiply with weights and add a bias share: FULLY_CONNECTED, convolutions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import FUSED, Operation, scale, zero_point
from edgeae.codegen.step import Constant, Member
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor
from edgeae.formats.tflite.graph_statistics import BIAS_INPUT, FACTOR_INPUT

#: `TensorType.INT32` of the schema.
_INT32 = 2
_FLOATS = {"float16", "float32"}


def source(operation: Operation) -> Tensor:
    """Return the tensor that is multiplied with the weights."""
    return operation.input(FACTOR_INPUT[operation.name])


def bias(operation: Operation) -> NDArray[Any] | None:
    """Return the biases as they are stored, or None if the operator has no bias."""
    return operation.constant(BIAS_INPUT[operation.name])


def biases(operation: Operation, count: int, dtype: Any) -> NDArray[Any]:
    """Return `count` biases as an element type; zeros if the operator has no bias."""
    stored = bias(operation)
    return np.zeros(count, dtype) if stored is None else stored.reshape(-1).astype(dtype)


def scales(operation: Operation) -> list[float]:
    """Return input scale × weight scale ÷ output scale, one for all channels or one for each."""
    given, target = scale(source(operation)), scale(operation.output())
    return [given * item / target for item in operation.input(1).scales]


def narrow_sums(operation: Operation) -> bool:
    """Return whether the options give an operator of int16 biases and sums of 32 bits."""
    return bool(operation.options.get("quantizedBiasType", 0) == _INT32)


def of_floats(operation: Operation, weights: NDArray[Any]) -> tuple[str, dict[str, Member]]:
    """Return the element type in the name of a float kernel, and the members of all of them.

    The type is float16 only if weights and bias are both stored so.

    Raises:
        BadInput: a weight or bias is infinite or NaN.
    """
    stored = bias(operation)
    half = weights.dtype == np.float16 and (stored is None or stored.dtype == np.float16)
    dtype = np.float16 if half else np.float32
    values, added = weights.astype(dtype), biases(operation, len(weights), dtype)
    if not (np.isfinite(values).all() and np.isfinite(added).all()):
        raise BadInput("a weight or bias is infinite or NaN")
    low, high = FUSED[operation.options.get("fusedActivationFunction", 0)]
    largest = float(np.finfo(np.float32).max)
    return np.dtype(dtype).name, {
        "weights": Constant("weights", values.reshape(-1)),
        "bias": Constant("bias", added),
        "low": -largest if low is None else low,
        "high": largest if high is None else high,
    }


def supported_types(operation: Operation) -> bool:
    """Input and output are int8, int16 (weights int8) or float32 (weights float32 or float16)."""
    kind, weights, stored = source(operation).dtype, operation.constant(1), bias(operation)
    if weights is None or operation.output().dtype != kind:
        return False
    if kind == "float32":
        return {weights.dtype.name, "float32" if stored is None else stored.dtype.name} <= _FLOATS
    return kind in ("int8", "int16") and operation.input(1).dtype == "int8"


def constant_weights(operation: Operation) -> bool:
    """Weights and bias are constants, and the weights' zero points are 0."""
    has_bias = operation.has(BIAS_INPUT[operation.name])
    return (
        operation.constant(1) is not None
        and (not has_bias or bias(operation) is not None)
        and not any(operation.input(1).zero_points)
    )


def scales_of_integers(operation: Operation) -> bool:
    """Each integer has one scale (weights also one per channel), and int16 the zero point 0."""
    edges = source(operation), operation.output()
    if edges[0].dtype == "float32":
        return True
    given = [*edges[0].scales, *operation.input(1).scales, *edges[1].scales]
    symmetric = edges[0].dtype == "int8" or not any(zero_point(item) for item in edges)
    channels = len(operation.input(1).scales) in (1, operation.output().shape[-1])
    return symmetric and channels and min(given) > 0 and all(len(e.scales) == 1 for e in edges)


def known_activation(operation: Operation) -> bool:
    """The fused activation is none, RELU, RELU_N1_TO_1 or RELU6."""
    return operation.options.get("fusedActivationFunction", 0) in FUSED
