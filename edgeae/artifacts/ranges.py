"""The ranges that quantization-aware training learned, of a model that was imported with them.

They are part of the original: an int8 export that keeps them is the model that was trained.
"""

import math
from dataclasses import dataclass, field

from edgeae.errors import BadInput


@dataclass(frozen=True)
class Ends:
    """The ends of a range, or of the ranges of a kernel's channels.

    Attributes:
        least: lower ends, 0 or below; one of a tensor, or one of each channel of the last axis.
        most: upper ends, 0 or above.
        per_channel: whether each channel has a range.
    """

    least: tuple[float, ...]
    most: tuple[float, ...]
    per_channel: bool = False

    def __post_init__(self) -> None:
        if len(self.least) != len(self.most) or not self.least:
            raise BadInput(
                f"{len(self.least)} lower and {len(self.most)} upper ends; allowed are as many of "
                "both, at least one"
            )
        for least, most in zip(self.least, self.most, strict=True):
            if not (least <= 0 <= most and math.isfinite(most - least)):
                raise BadInput(
                    f"a range from {least:g} to {most:g}; allowed are finite ends, the lower one 0 "
                    "or below and the upper one 0 or above"
                )


@dataclass(frozen=True)
class LayerRanges:
    """The ranges of one layer.

    Attributes:
        weights: name of a weight → the range of its values, symmetric.
        before: range of the values before the activation; None if they are not rounded.
        after: range of the layer's output; None if it is not rounded.
    """

    weights: dict[str, Ends] = field(default_factory=dict)
    before: Ends | None = None
    after: Ends | None = None


@dataclass(frozen=True)
class Ranges:
    """The ranges of a model.

    Attributes:
        layers: name of a layer of the flat model → its ranges.
        input: range of the input; None if it is not rounded.
    """

    layers: dict[str, LayerRanges]
    input: Ends | None = None
