"""Kernels: the weights of a flat Keras model that compression works on."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgeae.errors import BadInput, unknown
from edgeae.recipe import Cluster, Prune, Recipe

#: Class of a layer → attribute of each of its kernels → the kernel's axes of output channels.
_AXES: dict[str, dict[str, tuple[int, ...]]] = {
    "Dense": {"kernel": (-1,)},
    "Conv1D": {"kernel": (-1,)},
    "Conv2D": {"kernel": (-1,)},
    "Conv1DTranspose": {"kernel": (-2,)},
    "Conv2DTranspose": {"kernel": (-2,)},
    "DepthwiseConv1D": {"depthwise_kernel": (-2, -1)},
    "DepthwiseConv2D": {"depthwise_kernel": (-2, -1)},
    "SeparableConv1D": {"depthwise_kernel": (-2, -1), "pointwise_kernel": (-1,)},
    "SeparableConv2D": {"depthwise_kernel": (-2, -1), "pointwise_kernel": (-1,)},
}


@dataclass(frozen=True)
class Kernel:
    """One weight matrix or filter bank.

    Attributes:
        layer: the layer that holds the kernel.
        attribute: the layer's attribute that is the kernel.
        variable: the Keras variable with the kernel's values.
        channels: the axes of the output channels, counted from the end.
    """

    layer: Any
    attribute: str
    variable: Any
    channels: tuple[int, ...]

    @property
    def depthwise(self) -> bool:
        """Whether the kernel has one filter per channel: few weights, each of which matters."""
        return self.attribute == "depthwise_kernel"

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.layer.name)

    @property
    def others(self) -> tuple[int, ...]:
        """The axes other than `channels`, counted from 0."""
        rank = len(self.variable.shape)
        kept = {axis % rank for axis in self.channels}
        return tuple(axis for axis in range(rank) if axis not in kept)


def kernels(model: Any) -> list[Kernel]:
    """Return the kernels of a flat model in the order of its layers."""
    return [
        Kernel(layer, attribute, getattr(layer, attribute), channels)
        for layer in model.layers
        for attribute, channels in _AXES.get(type(layer).__name__, {}).items()
    ]


def compressible(model: Any) -> list[Kernel]:
    """Return the kernels without the depthwise ones, whose few weights all matter."""
    return [kernel for kernel in kernels(model) if not kernel.depthwise]


def wanted(model: Any, usual: float, settings: Prune | Cluster) -> list[tuple[Kernel, float]]:
    """Return each kernel that a step compresses, with its sparsity or number of clusters.

    Depthwise kernels, layers that the step spares, and layers set to 0 are left out.

    Args:
        model: flat Keras model.
        usual: value for layers that `settings.layers` does not name.
        settings: settings of the step; `layers` and `spare_below` are used.
    """
    every = compressible(model)
    total = sum(_size(kernel) for kernel in every)
    pairs = (
        (kernel, settings.layers.get(kernel.name, usual))
        for kernel in every
        if kernel.name in settings.layers or not settings.spares(_size(kernel), total)
    )
    return [(kernel, setting) for kernel, setting in pairs if setting]


def _size(kernel: Kernel) -> int:
    return math.prod(kernel.variable.shape)


def check_layers(model: Any, step: str, settings: Prune | Cluster) -> None:
    """Check that the settings name only layers of the model and leave something to compress.

    Args:
        model: flat Keras model.
        step: name of the step, for the error.
        settings: settings of the step.

    Raises:
        BadInput: a layer is unknown or all layers are spared; the message names what is allowed.
    """
    names = list(dict.fromkeys(item.name for item in compressible(model)))
    for name in settings.layers:
        if name not in names:
            raise unknown(f"{step}.layers: layer", name, names)
    if not names:
        raise BadInput(f"{step}: the model has no layer with weights to compress")
    if not wanted(model, 1.0, settings):
        raise BadInput(
            f"{step}.spare_below = {settings.spare_below:g} spares all of the model's layers; "
            f"allowed is less than the largest layer's share of the weights"
        )


def shared_axes(kernel: Kernel, recipe: Recipe) -> tuple[int, ...] | None:
    """Return the axes of an unclustered kernel that share a scale; None for all axes."""
    dense = type(kernel.layer).__name__ == "Dense"
    # without `per_channel`, Dense layers have one scale; if the recipe clusters, all layers do
    single = not recipe.per_channel and (dense or recipe.cluster is not None)
    return None if single else kernel.others


@contextmanager
def replaced(values: Sequence[tuple[Kernel, Any]]) -> Iterator[None]:
    """Replace kernels by other tensors within a `with` block.

    The attribute is set in the layer's `__dict__`: Keras's own `__setattr__` would stop tracking
    the variable.
    """
    try:
        for kernel, tensor in values:
            vars(kernel.layer)[kernel.attribute] = tensor
        yield
    finally:
        for kernel, _ in values:
            vars(kernel.layer)[kernel.attribute] = kernel.variable
