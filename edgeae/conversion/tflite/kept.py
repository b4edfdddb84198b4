"""What compensated rounding keeps of an original's weights: zeros, and few values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.conversion.tflite.few_values import FewValues
from edgeae.errors import OutOfTolerance
from edgeae.formats.packed import distinct
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph

#: Share of zeros that is worth a word: a trained kernel that nobody pruned has hardly any.
_PRUNED = 0.1


@dataclass(frozen=True)
class Kept:
    """What one weight tensor held, and its integers must hold.

    Attributes:
        name: the tensor's.
        size: how many weights it has.
        zeros: how many of them are 0: no fewer integers may be.
        values: how many values they have, if these are few: the integers may have no more. None of
            many values.
    """

    name: str
    size: int
    zeros: int
    values: int | None

    @staticmethod
    def of(name: str, weights: NDArray[Any], few: FewValues | None) -> "Kept":
        """Count the zeros of float weights, and the values of those that have few."""
        zeros = int(np.count_nonzero(weights == 0))
        return Kept(name, weights.size, zeros, None if few is None else len(few.values))

    def to_text(self) -> str:
        """Return it in words, `dense/MatMul: keeps 16 values and 62.5% zeros`; empty if nothing."""
        words = [] if self.values is None else [f"{self.values} values"]
        if self.zeros >= _PRUNED * self.size:
            words.append(f"{self.zeros / self.size:.1%} zeros")
        name = self.name.partition(";")[0]  # the converter joins those of all that it fused
        return f"{name}: keeps {' and '.join(words)}" if words else ""


def check_kept(part: str, graph: Graph, kept: tuple[Kept, ...]) -> None:
    """Assert that the weights of an exported part hold what they were to keep.

    Raises:
        OutOfTolerance: names the file and the tensor.
    """
    held = {item.name: item for item in kept}
    for tensor in graph.tensors:
        if tensor.data is None or tensor.name not in held:
            continue
        asked = held[tensor.name]
        zeros = int(np.count_nonzero(tensor.data == graph_statistics.zeros(tensor)))
        if zeros < asked.zeros:
            told = f"{zeros} zeros, the original {asked.zeros}"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {told}")
        values = len(distinct(tensor.data)[0])
        if asked.values is not None and values > asked.values:
            told = f"{values} values, the original {asked.values}"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {told}")
