"""Allocate a setting to each layer, so that the most bytes are saved for the least added loss.

Each layer has options with bytes and added loss. The model's bytes and added loss are the sums
over its layers. The sum of the losses is exact only for small losses; this module uses only the
order of the sums, and `search.py` finds by fine-tuning how much loss is allowed.

The greedy choice of the step that adds the least loss per byte is optimal on the lower convex hull
of each layer's options: Shoham and Gersho, "Efficient Bit Allocation for an Arbitrary Set of
Quantizers", IEEE Transactions on Acoustics, Speech, and Signal Processing 36(9), 1988. A step
between two options with the same number of clusters is divided, because every sparsity between
them is possible.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Resolution of the sparsities that a recipe can get.
_STEP = 0.01
_INT8 = 8


@dataclass(frozen=True)
class Setting:
    """A layer's share of zeros, and its number of distinct values; 0 changes nothing."""

    sparsity: float = 0.0
    clusters: int = 0


@dataclass(frozen=True)
class Option:
    """A setting of one layer, with its bytes and its added loss.

    Attributes:
        setting: the setting.
        bytes: packed bytes of the kernel.
        added: loss minus the original's, if only this layer is changed, without training.
    """

    setting: Setting
    bytes: float
    added: float


@dataclass(frozen=True)
class Member:
    """A setting for each layer.

    Attributes:
        settings: layer → setting.
        bytes: expected packed bytes of all kernels.
        added: sum of the losses that the layers add one by one.
    """

    settings: Mapping[str, Setting]
    bytes: float
    added: float


@dataclass(frozen=True)
class _Step:
    layer: str
    before: Option
    after: Option

    @property
    def saved(self) -> float:
        return self.before.bytes - self.after.bytes

    @property
    def added(self) -> float:
        return self.after.added - self.before.added


def hull(options: Sequence[Option]) -> list[Option]:
    """Return the options on the lower convex hull, from the least loss to the fewest bytes."""
    ordered = sorted(options, key=lambda item: (item.added, item.bytes))
    corners: list[Option] = []
    for option in ordered:
        if corners and option.bytes >= corners[-1].bytes:
            continue
        while len(corners) > 1 and _bends_back(corners[-2], corners[-1], option):
            corners.pop()
        corners.append(option)
    return corners


def _bends_back(first: Option, second: Option, third: Option) -> bool:
    """Return whether the second option is on or above the line between the others."""
    before = (second.added - first.added) * (second.bytes - third.bytes)
    after = (third.added - second.added) * (first.bytes - second.bytes)
    return before >= after


def family(layers: Mapping[str, Sequence[Option]]) -> list[Member]:
    """Return the best allocations, in ascending order of added loss.

    Args:
        layers: layer → its options, at least one.
    """
    hulls = {layer: hull(options) for layer, options in layers.items()}
    steps = [
        _Step(layer, before, after)
        for layer, corners in hulls.items()
        for before, after in pairwise(corners)
    ]
    # sorting keeps the order of a layer's steps: on a hull, each costs more per byte than the last
    steps.sort(key=lambda step: step.added / step.saved)
    at = {layer: corners[0] for layer, corners in hulls.items()}
    members = [_member(at)]
    for step in steps:
        for option in _between(step):
            at = {**at, step.layer: option}
            members.append(_member(at))
    return members


def _between(step: _Step) -> list[Option]:
    """Divide a step along the sparsity; the last of the returned options is the step's end."""
    before, after = step.before.setting, step.after.setting
    wide = after.sparsity - before.sparsity
    if before.clusters != after.clusters or wide <= 0:
        return [step.after]
    pieces = max(1, round(wide / _STEP))
    members = []
    for piece in range(1, pieces):
        part = piece / pieces
        sparsity = round(before.sparsity + part * wide, 2)
        if sparsity <= 1 / _bits(after):
            continue
        members.append(
            Option(
                Setting(sparsity, after.clusters),
                step.before.bytes - part * step.saved,
                step.before.added + part * step.added,
            )
        )
    return [*members, step.after]


def _bits(setting: Setting) -> int:
    """Return the bits of a weight in the dense form.

    The bitmap of the sparse form costs one bit per weight, so that sparsities up to 1 ÷ bits save
    nothing. Without clusters 8 bits are assumed; with wider weights lower sparsities would save
    too, and ignoring them is harmless here.
    """
    return max(1, (setting.clusters - 1).bit_length()) if setting.clusters else _INT8


def _member(at: Mapping[str, Option]) -> Member:
    options = at.values()
    return Member(
        {layer: option.setting for layer, option in at.items()},
        math.fsum(option.bytes for option in options),
        math.fsum(option.added for option in options),
    )
