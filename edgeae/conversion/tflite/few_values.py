"""Detects kernels of few values, whose number of values GPTQ must not increase.

A clustered kernel has k values. A batch normalisation that is folded into the kernel multiplies
each output channel, so the kernel then has k values times a multiplier per output channel. Its
integers can still have only k values, if there is a scale per output channel. Therefore values are
compared up to a positive multiplier per channel.

The values count as few if k of them, and an index for each weight, need fewer bytes of flash than
the integers themselves; see `edgeae.formats.packed`. Each multiplier counts as one value. Otherwise
a kernel with one weight per channel would count as a kernel of one value.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.formats.packed import weight_bytes

#: Relative difference below which two float32 values are equal: each was multiplied, and so
#: rounded, once or twice.
_SAME = 1e-6


@dataclass(frozen=True)
class FewValues:
    """A kernel as multiplier × value: weight (c, j) is `multipliers[c] * values[places[c, j]]`.

    Attributes:
        values: (k,) float64, in rising order; 0 is one of them if the kernel has zeros.
        multipliers: (channels,) float64, above 0; all are 1 if the kernel itself has k values.
        places: (channels, inputs) int64, index of the value of each weight.
    """

    values: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    places: NDArray[np.int64]

    def step(self, levels: int) -> float:
        """Return the scale at which the value of largest magnitude becomes ±`levels`."""
        return float(np.abs(self.values).max() / levels)

    def integers(self, levels: int) -> NDArray[np.int64]:
        """Return the nearest integer of each value, (k,)."""
        return np.round(self.values / self.step(levels)).astype(np.int64)

    def scales(self, levels: int) -> NDArray[np.float32]:
        """Return the scale of each output channel, (channels,), or (1,) if all are equal."""
        found = (self.multipliers * self.step(levels)).astype(np.float32)
        return found[:1] if (found == found[0]).all() else found


def few_values(rows: NDArray[np.floating], bits: int, *, per_channel: bool) -> FewValues | None:
    """Return the few values of a kernel, or None if it has many.

    Args:
        rows: float weights, (output channels, inputs).
        bits: width of the integers that the weights become, 8 or 4.
        per_channel: whether each output channel may have its own scale, and so its own multiplier.
    """
    candidates = [_alike(rows)]
    if per_channel:
        # with more values than this, an index would need as many bits as an integer
        aligned = _aligned(np.asarray(rows, np.float64), 2 ** (bits - 1))
        candidates += [] if aligned is None else [aligned]
    few = [item for item in candidates if _are_few(item, bits)]
    return min(few, key=lambda item: len(item.values), default=None)


def _alike(rows: NDArray[np.floating]) -> FewValues:
    values, places = np.unique(np.asarray(rows, np.float64) + 0.0, return_inverse=True)
    return FewValues(values, np.ones(len(rows)), places.reshape(rows.shape))


def _are_few(few: FewValues, bits: int) -> bool:
    kept = few.values[few.places] != 0
    if not kept.any():
        return False
    size, _ = weight_bytes(np.where(kept, few.places + 1, 0), bits)
    # compared with a kernel of the same zeros in which no value repeats
    dense, _ = weight_bytes(
        np.where(kept, np.arange(1, kept.size + 1).reshape(kept.shape), 0), bits
    )
    multipliers = len(np.unique(few.multipliers)) - 1
    return size + multipliers * bits / 8 < dense


def _aligned(rows: NDArray[np.float64], most: int) -> FewValues | None:
    """Return the kernel with multipliers at which its channels share values.

    Returns None if the channels have more than `most` values.
    """
    held = [_merged(row[row != 0]) for row in rows]
    multipliers = np.ones(len(rows))
    shared = np.empty(0)
    for channel in sorted(range(len(rows)), key=lambda at: -len(held[at])):
        own = held[channel]
        if len(own) > most:
            return None
        if len(own):
            multipliers[channel] = _multiplier(own, shared)
            own = own / multipliers[channel]
            shared = np.sort(np.append(shared, own[~_among(own, shared)]))
        if len(shared) > most:
            return None
    zero = [0.0] if (rows == 0).any() else []
    values = np.sort(np.append(shared, zero))
    places = np.searchsorted((values[1:] + values[:-1]) / 2, rows / multipliers[:, None])
    return FewValues(values, multipliers, places)


def _merged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values in rising order; of values equal within `_SAME` only one."""
    ordered = np.unique(values)
    apart = np.abs(np.diff(ordered)) > _SAME * np.abs(ordered[1:])
    return ordered[np.append(True, apart)] if len(ordered) else ordered


def _multiplier(own: NDArray[np.float64], shared: NDArray[np.float64]) -> float:
    """Return the multiplier at which most of a channel's values become shared values.

    If several multipliers are equally good, the smallest one is returned at which no value of the
    channel exceeds the largest shared value: steps are then as fine as possible.
    """
    if not len(shared):
        return 1.0
    largest = own[np.argmax(np.abs(own))]
    least = np.abs(largest) / np.abs(shared).max()
    ratios, counts = _alignments(largest[None], own, shared)
    if not (counts == len(own)).any():  # the largest value may not be a shared one
        ratios, counts = _alignments(own, own, shared)
    best = ratios[counts == counts.max(initial=0)]
    within = best[best >= least * (1 - _SAME)]
    if len(within):
        return float(within[0])
    # a single value can be aligned with any shared value, so one match is no evidence
    return float(best[-1] if counts.max(initial=0) > 1 else least)


def _alignments(
    anchors: NDArray[np.float64], own: NDArray[np.float64], shared: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return candidate multipliers in rising order, and the number of shared values with each.

    Each multiplier makes one of the anchors equal to one of the shared values.
    """
    ratios = (anchors[:, None] / shared).reshape(-1)
    ratios = np.sort(ratios[ratios > 0])
    return ratios, _among(own / ratios[:, None], shared).sum(axis=1)


def _among(values: NDArray[np.float64], shared: NDArray[np.float64]) -> NDArray[np.bool_]:
    if not len(shared):
        return np.zeros(values.shape, bool)
    right = np.searchsorted(shared, values).clip(1, len(shared) - 1) if len(shared) > 1 else 0
    left = right - 1 if len(shared) > 1 else 0
    gap = np.minimum(np.abs(values - shared[right]), np.abs(values - shared[left]))
    near: NDArray[np.bool_] = gap <= _SAME * np.abs(values)
    return near
