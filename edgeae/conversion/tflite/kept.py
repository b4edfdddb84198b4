"""The zeros and the few values of the original's weights, which GPTQ must keep."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.conversion.tflite.few_values import FewValues
from edgeae.errors import OutOfTolerance
from edgeae.formats.packed import distinct
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph

#: Share of zeros from which on they are reported: a trained kernel without pruning has hardly any.
_PRUNED = 0.1


@dataclass(frozen=True)
class Kept:
    """The zeros and values of a float weight tensor, as limits for its integers.

    Attributes:
        name: name of the tensor.
        size: number of weights.
        zeros: number of zero weights; the integers must have at least as many zeros.
        values: number of distinct values if they are few, and the integers must not have more; None
            if the tensor has many values.
    """

    name: str
    size: int
    zeros: int
    values: int | None

    @staticmethod
    def of(name: str, weights: NDArray[Any], few: FewValues | None) -> "Kept":
        """Return the limits for a tensor of float weights, given its few values, if it has few."""
        zeros = int(np.count_nonzero(weights == 0))
        return Kept(name, weights.size, zeros, None if few is None else len(few.values))

    def to_text(self) -> str:
        """Return the limits in words, `dense/MatMul: keeps 16 values and 62.5% zeros`.

        Returns an empty text if the tensor has neither few values nor many zeros.
        """
        words = [] if self.values is None else [f"{self.values} values"]
        if self.zeros >= _PRUNED * self.size:
            words.append(f"{self.zeros / self.size:.1%} zeros")
        name = self.name.partition(";")[0]  # the converter joins the names of fused operators
        return f"{name}: keeps {' and '.join(words)}" if words else ""


def check_kept(part: str, graph: Graph, kept: tuple[Kept, ...]) -> None:
    """Check that the weights of an exported part have enough zeros and few enough values.

    Raises:
        OutOfTolerance: they do not; the message names the file and the tensor.
    """
    held = {item.name: item for item in kept}
    for tensor in graph.tensors:
        if tensor.data is None or tensor.name not in held:
            continue
        asked = held[tensor.name]
        zeros = int(np.count_nonzero(tensor.data == graph_statistics.zeros(tensor)))
        if zeros < asked.zeros:
            difference = f"{zeros} zeros, the original {asked.zeros}"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {difference}")
        values = len(distinct(tensor.data)[0])
        if asked.values is not None and values > asked.values:
            difference = f"{values} values, the original {asked.values}"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {difference}")
