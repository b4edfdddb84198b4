"""The rescaling of a layer by high words of products, see `edgeae.codegen.rescale.high_word`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import Operation, activation_limits, zero_point
from edgeae.codegen.rescale import first_accumulators, first_accumulators_twice, high_word

Limits = tuple[int, int]


def high_words(
    operation: Operation,
    scales_and_limits: tuple[Sequence[float], Sequence[Limits]],
    before: int = 8,
    index_from: int = 0,
    twice: bool = False,
) -> NDArray[np.int32] | None:
    """Return multiplier, rounding and shift of each scale, or None if a scale has none.

    Args:
        operation: the operator.
        scales_and_limits: each scale (one, or one per row), and the accumulators under it.
        before: bits by which the kernel shifts the accumulator left first.
        index_from: what to add to the results, as for an index into a table.
        twice: whether the rule is `twice`, else it is `once`.

    Returns:
        Shape (scales, 3).
    """
    low, high = activation_limits(operation)
    offset = zero_point(operation.output())
    outputs = np.arange(low - offset + 1, high - offset + 1)
    # half a unit of the first rounding; it is below 1 if the accumulator is not shifted
    nudge = 1 << (before - 2) if twice else 0
    found = []
    for scale, limits in zip(*scales_and_limits, strict=True):
        if twice and scale >= 0.5:
            return None
        firsts = (first_accumulators_twice if twice else first_accumulators)(outputs, scale)
        item = high_word(scale, firsts, outputs, limits, before, nudge)
        if item is None:
            return None
        multiplier, rounding, shift = item
        rounding += (offset + index_from) << shift
        if not -(1 << 31) <= rounding < 1 << 31:
            return None
        found.append((multiplier, rounding, shift))
    return np.array(found, np.int32)
