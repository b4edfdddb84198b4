"""What each layer's compression costs by itself: loss against sparsity, clusters and bits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: What is tried of each kernel, the mildest first.
SPARSITY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CLUSTERS = (128, 64, 32, 16, 8, 4, 2)
BITS = (8, 7, 6, 5, 4, 3, 2)
#: The fields of a `Layer` that are curves.
KINDS = ("sparsity", "clusters", "bits")


@dataclass(frozen=True)
class Measured:
    """A model of which one kernel was changed, and nothing trained.

    Attributes:
        at: the share of zeros, the number of values, or the bits of each weight.
        loss: MSE of the whole model.
        bytes: of the kernel, packed; see `formats/packed.py`.
    """

    at: float
    loss: float
    bytes: int


@dataclass(frozen=True)
class Layer:
    """The curves of one kernel, each from the mildest setting to the severest.

    Attributes:
        name: its layer's.
        shape: of the kernel.
        values: how many weights.
        bytes: packed, as the recipe stores it when nothing else is done to it.
        width_bits: of one weight then.
        sparsity, clusters, bits: see `Measured`.
    """

    name: str
    shape: tuple[int, ...]
    values: int
    bytes: int
    width_bits: int
    sparsity: tuple[Measured, ...]
    clusters: tuple[Measured, ...]
    bits: tuple[Measured, ...]

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Layer":
        """Return what `dataclasses.asdict` made JSON of."""
        curves = {kind: tuple(Measured(**item) for item in table[kind]) for kind in KINDS}
        return cls(**{**table, "shape": tuple(table["shape"]), **curves})


@dataclass(frozen=True)
class Curves:
    """The curves of a model's kernels, but depthwise ones, which are left whole.

    Attributes:
        model: its name.
        weights_sha256: which model.
        dataset: its name.
        n: validation images that the losses are of.
        loss: MSE of the original on them.
        layers: in the order in which they compute.
    """

    model: str
    weights_sha256: str
    dataset: str
    n: int
    loss: float
    layers: tuple[Layer, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON types."""
        return asdict(self)
