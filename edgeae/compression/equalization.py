"""Channels brought to like ranges before they share a grid; the model answers as before.

All channels of an activation share one int8 scale, so that a channel with a small range has few
steps. Scaling channel i by s > 0 and what reads it by 1/s changes nothing where the activation
between is linear or a ReLU. Nagel et al., "Data-Free Quantization Through Weight Equalization and
Bias Correction", 2019; with s = √(max r ÷ r), halfway to equal ranges r, because the weights that
read small channels would otherwise lose what the channels gain.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.kernels import Kernel, kernels
from edgeae.compression.wiring import sources, uses
from edgeae.errors import BadInput
from edgeae.metrics.parity import float32_gap
from edgeae.originals.legacy_keras import keras

#: Activations f with f(s·x) = s·f(x) for s > 0.
_HOMOGENEOUS = ("linear", "relu")
#: Layers that move values and leave each channel what it is.
_BETWEEN = ("Flatten", "UpSampling1D", "UpSampling2D", "MaxPooling2D", "Dropout")
#: Their input is read by another kernel than the one that makes their output.
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
#: A channel that hardly speaks is not turned up without end.
_MOST = 16.0
#: Of what parity allows of two ways to compute a model in float32: here every weight is rounded.
_LATITUDE = 10


def equalize(model: Any, images: NDArray[np.float32]) -> None:
    """Equalize neighbouring layers in place, wherever one alone reads the other.

    Args:
        model: flat Keras model.
        images: (n, …) what the ranges are taken over.

    Raises:
        BadInput: the answers changed: float32 does not hold what the model computes.
    """
    before = model(images, training=False).numpy()
    for first, second in _pairs(model):
        tensor = first.layer.output
        values = keras.Model(model.input, tensor)(images, training=False).numpy()
        ranges = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
        live = np.where(ranges > 0, ranges, ranges.max() or 1.0)
        scale = np.minimum(np.sqrt(live.max() / live), _MOST).astype(np.float32)
        _scale_out(first, scale)
        _scale_in(second, 1 / scale)
    gap, allowed = float32_gap(model(images, training=False).numpy(), before)
    if gap > allowed * _LATITUDE:
        raise BadInput(
            f"qat: scaling the model's channels to like ranges moved its answers by {gap:.3g}, "
            f"allowed is {allowed * _LATITUDE:.3g}: float32 hardly holds its sums; "
            "per_channel = false leaves the channels as they are"
        )


def _pairs(model: Any) -> list[tuple[Kernel, Kernel]]:
    found = {item.name: item for item in kernels(model) if not item.depthwise}
    reads, read = sources(model), uses(model)
    pairs = []
    for name, second in found.items():
        (source,) = reads[name]
        while read[source] == 1 and type(model.get_layer(source)).__name__ in _BETWEEN:
            (source,) = reads[source]
        first = found.get(source)
        if first is None or type(second.layer).__name__ in _SEPARABLE:
            continue
        if read[source] == 1 and _homogeneous(first.layer):
            pairs.append((first, second))
    return pairs


def _homogeneous(layer: Any) -> bool:
    return getattr(layer.activation, "__name__", "") in _HOMOGENEOUS


def _scale_out(kernel: Kernel, scale: NDArray[np.float32]) -> None:
    (axis,) = kernel.channels
    shape = [1] * len(kernel.variable.shape)
    shape[axis] = len(scale)
    kernel.variable.assign(kernel.variable * scale.reshape(shape))
    if kernel.layer.use_bias:
        kernel.layer.bias.assign(kernel.layer.bias * scale)


def _scale_in(kernel: Kernel, scale: NDArray[np.float32]) -> None:
    """Scale the axis that reads; a flattened image has its channels innermost, over and over."""
    rank = len(kernel.variable.shape)
    axis = rank - 2 if kernel.channels == (-1,) else rank - 1
    shape = [1] * rank
    size = int(kernel.variable.shape[axis])
    shape[axis] = size
    kernel.variable.assign(kernel.variable * np.tile(scale, size // len(scale)).reshape(shape))
