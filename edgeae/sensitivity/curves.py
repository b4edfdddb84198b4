"""Sensitivity curves of each layer: loss against sparsity, clusters and bits."""

from dataclasses import asdict, dataclass
from typing import Any

#: The settings that are measured of each kernel, the mildest first.
SPARSITY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CLUSTERS = (128, 64, 32, 16, 8, 4, 2)
BITS = (8, 7, 6, 5, 4, 3, 2)
#: The fields of a `Layer` that are curves.
KINDS = ("sparsity", "clusters", "bits")


@dataclass(frozen=True)
class Measured:
    """The loss of a model after one kernel was changed, without training.

    Attributes:
        at: the share of zeros, the number of distinct values, or the bits of each weight.
        loss: MSE of the whole model.
        bytes: packed bytes of the kernel; see `formats/packed.py`.
    """

    at: int | float
    loss: float
    bytes: int


@dataclass(frozen=True)
class Layer:
    """The curves of one kernel, each from the mildest setting to the severest.

    Attributes:
        name: the layer's name.
        shape: the kernel's shape.
        values: number of weights.
        bytes: packed bytes of the unchanged kernel, as the recipe stores it.
        width_bits: bits of one weight of the unchanged kernel, as the recipe stores it.
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


@dataclass(frozen=True)
class Curves:
    """The curves of a model's kernels, except depthwise kernels, which are never compressed.

    Attributes:
        model: the model's name.
        weights_sha256: the model's identity.
        dataset: the dataset's name.
        n: number of validation images on which the losses were measured.
        loss: MSE of the original on these images.
        layers: in the order of computation.
    """

    model: str
    weights_sha256: str
    dataset: str
    n: int
    loss: float
    layers: tuple[Layer, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the curves as JSON types."""
        return asdict(self)
