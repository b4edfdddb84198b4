"""The weights of a flat Keras model that compression works on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgeae.errors import BadInput, unknown

__all__ = ["Kernel", "check_layers", "kernels", "replaced", "wanted"]

#: Layer's class → its kernels' attributes, and the axes along which each has output channels.
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
        layer: the layer that holds it.
        attribute: where.
        variable: its values.
        channels: the axes of the output channels, counted from the end.
    """

    layer: Any
    attribute: str
    variable: Any
    channels: tuple[int, ...]

    @property
    def depthwise(self) -> bool:
        """Whether it has one filter a channel: few weights, each of which matters."""
        return self.attribute == "depthwise_kernel"

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.layer.name)

    @property
    def others(self) -> tuple[int, ...]:
        """The axes that share an output channel."""
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


def wanted(model: Any, usual: float, layers: Mapping[str, float]) -> list[tuple[Kernel, float]]:
    """Return each kernel that a step works on, with its setting; 0 leaves a layer as it is.

    Depthwise kernels are none of them: they are few, and tfmot prunes none.

    Args:
        model: flat Keras model.
        usual: the setting of layers that are not named.
        layers: name of a layer → its own setting.
    """
    pairs = (
        (kernel, layers.get(kernel.name, usual))
        for kernel in kernels(model)
        if not kernel.depthwise
    )
    return [(kernel, setting) for kernel, setting in pairs if setting]


def check_layers(model: Any, key: str, named: Sequence[str]) -> None:
    """Refuse settings of layers that are not there, or have nothing to compress.

    Args:
        model: flat Keras model.
        key: of the recipe, for the error.
        named: names of layers.

    Raises:
        BadInput: names the layer and what is allowed.
    """
    known = list(dict.fromkeys(item.name for item in kernels(model) if not item.depthwise))
    for name in named:
        if name not in known:
            raise unknown(f"{key}: layer", name, known)
    if not known:
        raise BadInput(f"{key}: the model has no layer with weights to compress")


@contextmanager
def replaced(values: Sequence[tuple[Kernel, Any]]) -> Iterator[None]:
    """Let layers compute with other tensors in place of their kernels for a `with` block.

    Past Keras's bookkeeping, which would forget the variable.
    """
    try:
        for kernel, tensor in values:
            vars(kernel.layer)[kernel.attribute] = tensor
        yield
    finally:
        for kernel, _ in values:
            vars(kernel.layer)[kernel.attribute] = kernel.variable
