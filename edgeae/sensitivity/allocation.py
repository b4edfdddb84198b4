"""Which setting each layer gets: the most bytes saved for the least loss added.

Each layer has options, (bytes, added loss); of a model, both are summed over the layers. That the
losses add up is exact only where they are small; it is their *order* that counts here, and how
much a model may lose is found by fine-tuning (`search.py`).

On the lower convex hull of each layer's options, taking next whichever step adds the least loss
per byte is optimal at every step: Shoham and Gersho, "Efficient Bit Allocation for an Arbitrary
Set of Quantizers", IEEE Transactions on Acoustics, Speech, and Signal Processing 36(9), 1988.
Between two options of the same clusters a step is divided: any sparsity in between will do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Of sparsity: as finely as a recipe will say it.
_STEP = 0.01
_INT8 = 8


@dataclass(frozen=True)
class Setting:
    """What is done to a layer: a share of zeros, and a number of values; 0 leaves it whole."""

    sparsity: float = 0.0
    clusters: int = 0


@dataclass(frozen=True)
class Option:
    """A setting of one layer, what it takes and what it costs.

    Attributes:
        setting: what.
        bytes: of the kernel, packed.
        added: loss minus the original's, if nothing else is changed and nothing is trained.
    """

    setting: Setting
    bytes: float
    added: float


@dataclass(frozen=True)
class Member:
    """A setting for each layer.

    Attributes:
        settings: layer → setting.
        bytes: of all kernels, as expected.
        added: the sum of what each layer adds by itself.
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
    found: list[Option] = []
    for option in ordered:
        if found and option.bytes >= found[-1].bytes:
            continue
        while len(found) > 1 and _bends_back(found[-2], found[-1], option):
            found.pop()
        found.append(option)
    return found


def _bends_back(one: Option, two: Option, three: Option) -> bool:
    """Tell whether the middle one lies on or above the line between the others."""
    before = (two.added - one.added) * (two.bytes - three.bytes)
    after = (three.added - two.added) * (one.bytes - two.bytes)
    return before >= after


def family(layers: Mapping[str, Sequence[Option]]) -> list[Member]:
    """Return the best allocations, from the mildest to the severest.

    Args:
        layers: layer → its options, at least one each.
    """
    hulls = {layer: hull(options) for layer, options in layers.items()}
    steps = [
        _Step(layer, before, after)
        for layer, found in hulls.items()
        for before, after in pairwise(found)
    ]
    # a layer's own steps come in their order, for each is dearer than the one before
    steps.sort(key=lambda step: step.added / step.saved)
    at = {layer: found[0] for layer, found in hulls.items()}
    members = [_member(at)]
    for step in steps:
        for option in _between(step):
            at = {**at, step.layer: option}
            members.append(_member(at))
    return members


def _between(step: _Step) -> list[Option]:
    """Divide a step along the sparsity; its end is among what it is divided into."""
    before, after = step.before.setting, step.after.setting
    wide = after.sparsity - before.sparsity
    if before.clusters != after.clusters or wide <= 0:
        return [step.after]
    pieces = max(1, round(wide / _STEP))
    found = []
    for piece in range(1, pieces):
        part = piece / pieces
        sparsity = round(before.sparsity + part * wide, 2)
        if sparsity <= 1 / _bits(after):
            continue
        found.append(
            Option(
                Setting(sparsity, after.clusters),
                step.before.bytes - part * step.saved,
                step.before.added + part * step.added,
            )
        )
    return [*found, step.after]


def _bits(setting: Setting) -> int:
    """Return what a weight takes, dense: of fewer zeros than one in so many, a bitmap saves none.

    int8 unless there are clusters; wider ones save earlier, which does no harm here.
    """
    return max(1, (setting.clusters - 1).bit_length()) if setting.clusters else _INT8


def _member(at: Mapping[str, Option]) -> Member:
    options = at.values()
    return Member(
        {layer: option.setting for layer, option in at.items()},
        math.fsum(option.bytes for option in options),
        math.fsum(option.added for option in options),
    )
