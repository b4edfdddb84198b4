"""The rescaling of a layer by high words of products, see `edgeae.codegen.rescale.high_word`."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.operation import Operation, activation_limits, zero_point
from edgeae.codegen.rescale import first_accumulator, high_word

Limits = tuple[int, int]


def high_words(
    operation: Operation,
    scales_and_limits: tuple[Sequence[float], Sequence[Limits]],
    before: int = 8,
    index_from: int = 0,
) -> NDArray[np.int32] | None:
    """Return multiplier, rounding and shift under the rule `once`; None if there are none.

    Args:
        operation: the operator.
        scales_and_limits: each scale (one, or one per row), and the accumulators under it.
        before: bits by which the kernel shifts the accumulator left first.
        index_from: what to add to the results, as for an index into a table.

    Returns:
        Shape (scales, 3).
    """
    low, high = activation_limits(operation)
    offset = zero_point(operation.output())
    found = []
    for scale, limits in zip(*scales_and_limits, strict=True):
        first = partial(first_accumulator, scale=scale)
        item = high_word(scale, first, low - offset, high - offset, limits, before)
        if item is None:
            return None
        multiplier, rounding, shift = item
        found.append((multiplier, rounding + ((offset + index_from) << shift), shift))
    return np.array(found, np.int32)
