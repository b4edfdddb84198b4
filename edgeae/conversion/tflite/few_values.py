"""Kernels that hold few values, which compensated rounding must not make many.

A clustered kernel holds k values. A batch normalisation that is folded into it multiplies each
output channel, so that the kernel then holds k values times a multiplier per output channel: the
integers can still be k, with a scale per output channel. So a kernel is looked at up to a positive
multiplier of each channel.

Values are few where k of them, and an index for each weight, take fewer bytes of flash than the
integers themselves; see `formats/packed.py`. Each multiplier counts as one value: otherwise all
channels of a single weight would hold the same one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeae.formats.packed import weight_bytes

#: Two float32 values are the same where they differ by less, relatively: each was multiplied once
#: or twice.
_SAME = 1e-6


@dataclass(frozen=True)
class FewValues:
    """A kernel as multiplier × value: row c, column j is `multipliers[c] * values[places[c, j]]`.

    Attributes:
        values: (k,) float64, in rising order; 0 is one of them if the kernel has zeros.
        multipliers: (channels,) float64, above 0; all 1 if the kernel itself holds k values.
        places: (channels, inputs).
    """

    values: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    places: NDArray[np.int64]

    def step(self, levels: int) -> float:
        """Return the scale of the values: the largest becomes `levels`."""
        return float(np.abs(self.values).max() / levels)

    def integers(self, levels: int) -> NDArray[np.int64]:
        """Return the integer next to each value, (k,)."""
        return np.round(self.values / self.step(levels)).astype(np.int64)

    def scales(self, levels: int) -> NDArray[np.float32]:
        """Return the scale of each output channel; (1,) if all have the same."""
        found = (self.multipliers * self.step(levels)).astype(np.float32)
        return found[:1] if (found == found[0]).all() else found


def few_values(rows: NDArray[np.floating], bits: int, *, per_channel: bool) -> FewValues | None:
    """Return the few values of a kernel, or None if they are many.

    Args:
        rows: float weights, (output channels, inputs).
        bits: of an integer that a weight becomes, 8 or 4.
        per_channel: whether each output channel may have a scale, and so a multiplier, of its own.
    """
    found = [_alike(rows)]
    if per_channel:
        # with more values than these, an index takes as many bits as an integer
        aligned = _aligned(np.asarray(rows, np.float64), 2 ** (bits - 1))
        found += [] if aligned is None else [aligned]
    few = [item for item in found if _are_few(item, bits)]
    return min(few, key=lambda item: len(item.values), default=None)


def _alike(rows: NDArray[np.floating]) -> FewValues:
    values, places = np.unique(np.asarray(rows, np.float64) + 0.0, return_inverse=True)
    return FewValues(values, np.ones(len(rows)), places.reshape(rows.shape))


def _are_few(found: FewValues, bits: int) -> bool:
    kept = found.values[found.places] != 0
    if not kept.any():
        return False
    size, _ = weight_bytes(np.where(kept, found.places + 1, 0), bits)
    # the same zeros, and no value twice
    dense, _ = weight_bytes(
        np.where(kept, np.arange(1, kept.size + 1).reshape(kept.shape), 0), bits
    )
    multipliers = len(np.unique(found.multipliers)) - 1
    return size + multipliers * bits / 8 < dense


def _aligned(rows: NDArray[np.float64], most: int) -> FewValues | None:
    """Find multipliers with which the channels share values; None if these are more than `most`."""
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
    """Return the values in rising order, those that are the same once."""
    ordered = np.unique(values)
    apart = np.abs(np.diff(ordered)) > _SAME * np.abs(ordered[1:])
    return ordered[np.append(True, apart)] if len(ordered) else ordered


def _multiplier(own: NDArray[np.float64], shared: NDArray[np.float64]) -> float:
    """Return what most of a channel's values are divided by to be among the shared ones.

    Of several the least that makes none of them larger than those: steps are as fine as can be.
    """
    if not len(shared):
        return 1.0
    largest = own[np.argmax(np.abs(own))]
    least = np.abs(largest) / np.abs(shared).max()
    ratios, counts = _alignments(largest[None], own, shared)
    if not (counts == len(own)).any():  # the largest may be none of the shared ones
        ratios, counts = _alignments(own, own, shared)
    best = ratios[counts == counts.max(initial=0)]
    within = best[best >= least * (1 - _SAME)]
    if len(within):
        return float(within[0])
    # one value alone is like another by any multiplier
    return float(best[-1] if counts.max(initial=0) > 1 else least)


def _alignments(
    anchors: NDArray[np.float64], own: NDArray[np.float64], shared: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return multipliers in rising order, and how many of a channel's values each makes shared.

    Each makes one of the anchors one of the shared values.
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
    found: NDArray[np.bool_] = gap <= _SAME * np.abs(values)
    return found
