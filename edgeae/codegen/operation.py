"""One operator of a model, with the tensors that it reads and writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, Tensor


@dataclass(frozen=True)
class Operation:
    """One operator, as the modules of `edgeae.codegen.operators` see it.

    Attributes:
        graph: the model.
        index: place of the operator in the execution order.
        name: TFLite's name.
        inputs: tensor indices; −1 for an optional input that is absent.
        outputs: tensor indices.
        options: the operator's options by their names in the schema.
        optimize: `speed` or `size`: what the C is to be best in, where it cannot be in both.
        sources: index of a tensor that a DEQUANTIZE makes of a constant → index of the constant.
    """

    graph: Graph = field(repr=False)
    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    optimize: str = "speed"
    sources: Mapping[int, int] = field(default_factory=dict, repr=False)

    def input(self, place: int = 0) -> Tensor:
        """Return the tensor at a place among the inputs.

        Raises:
            IndexError: the operator has no such input.
        """
        if self.inputs[place] < 0:
            raise IndexError(place)
        return self.graph.tensors[self.inputs[place]]

    def output(self, place: int = 0) -> Tensor:
        """Return the tensor at a place among the outputs."""
        return self.graph.tensors[self.outputs[place]]

    def has(self, place: int) -> bool:
        """Return whether the operator has an input at a place."""
        return place < len(self.inputs) and self.inputs[place] >= 0

    def constant(self, place: int) -> NDArray[Any] | None:
        """Return the values of a constant input, as they are stored; None for an activation."""
        if not self.has(place):
            return None
        index = self.inputs[place]
        return self.graph.tensors[self.sources.get(index, index)].data

    def integers(self, place: int) -> NDArray[np.int64] | None:
        """Return a constant input of sizes, places or axes.

        Returns:
            None for an activation, and for numbers that are no integers of 32 bits.
        """
        values = self.constant(place)
        if values is None or values.dtype.kind not in "iu":
            return None
        wide = values.astype(np.int64)
        return wide if (wide == wide.astype(np.int32)).all() else None

    def activations(self) -> tuple[int, ...]:
        """Return the indices of the inputs that are not constants, in order."""
        return tuple(
            index
            for place, index in enumerate(self.inputs)
            if index >= 0 and self.constant(place) is None
        )


def zero_point(tensor: Tensor) -> int:
    """Return the per-tensor zero point of an activation; 0 for a float tensor."""
    return tensor.zero_points[0] if tensor.zero_points else 0


def scale(tensor: Tensor) -> float:
    """Return the per-tensor scale of an activation, a float32 value; 1.0 for a float tensor."""
    return tensor.scales[0] if tensor.scales else 1.0


def activation_limits(operation: Operation) -> tuple[int, int]:
    """Return the smallest and largest output integer under the operator's fused activation.

    The bounds are rounded as `CalculateActivationRangeQuantized` of
    tensorflow/lite/kernels/kernel_util.cc does: the division and the rounding are in float32.

    Raises:
        KeyError: the fused activation is none of NONE, RELU, RELU_N1_TO_1 and RELU6.
    """
    target = operation.output()
    limits = np.iinfo(target.dtype)
    low, high = FUSED[operation.options.get("fusedActivationFunction", 0)]
    smallest = limits.min if low is None else max(int(limits.min), quantized(target, low))
    largest = limits.max if high is None else min(int(limits.max), quantized(target, high))
    return int(smallest), int(largest)


def quantized(tensor: Tensor, real: float) -> int:
    """Return the integer that stands for a real value, without clamping; see `TfLiteRound`.

    Raises:
        BadInput: it has more than 32 bits; LiteRT refuses that, too.
    """
    with np.errstate(over="ignore", divide="ignore"):
        steps = np.float32(real) / np.float32(scale(tensor))
    if not abs(steps) < 1 << 31:
        raise BadInput(f"a limit of {real:g} exceeds 32 bits at the scale {scale(tensor)!r}")
    return zero_point(tensor) + int(np.trunc(steps + np.copysign(np.float32(0.5), steps)))


#: `ActivationFunctionType` of the schema → smallest and largest real output.
FUSED: dict[int, tuple[float | None, float | None]] = {
    0: (None, None),
    1: (0.0, None),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}
