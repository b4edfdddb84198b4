"""Cross-layer equalization: gives channels similar ranges; the model's outputs stay the same.

All channels of an activation share one int8 scale, so a channel with a small range uses few of
its steps. Scaling channel i by s > 0, and the weights that read it by 1/s, changes nothing if the
activation between them is linear or a ReLU: Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019. Here s = √(max r ÷ r), halfway to equal ranges r, because
the weights that read small channels would otherwise lose the precision that the channels gain.
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
#: Layers that move values and do not mix or scale channels.
_BETWEEN = ("Flatten", "UpSampling1D", "UpSampling2D", "MaxPooling2D", "Dropout")
#: Layers with two kernels: one reads the input, the other makes the output.
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
#: Upper limit of s, for channels that are nearly always 0.
_MOST = 16.0
#: Factor on the float32 parity limit: scaling rounds every weight again.
_LATITUDE = 10


def equalize(model: Any, images: NDArray[np.float32]) -> None:
    """Equalize each pair of neighbouring layers in place if only the second reads the first.

    Args:
        model: flat Keras model.
        images: (n, …) images over which the ranges are measured.

    Raises:
        BadInput: the outputs changed: float32 is not precise enough for the model's sums.
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
            f"qat: equalizing the ranges of the model's channels changed its outputs by {gap:.3g}, "
            f"allowed is {allowed * _LATITUDE:.3g}: float32 is not precise enough for the model's "
            "sums; per_channel = false leaves the channels as they are"
        )


def _pairs(model: Any) -> list[tuple[Kernel, Kernel]]:
    by_name = {item.name: item for item in kernels(model) if not item.depthwise}
    reads, read = sources(model), uses(model)
    pairs = []
    for name, second in by_name.items():
        (source,) = reads[name]
        while read[source] == 1 and type(model.get_layer(source)).__name__ in _BETWEEN:
            (source,) = reads[source]
        first = by_name.get(source)
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
    """Scale the kernel's input axis; in a flattened image the channels repeat as innermost axis."""
    rank = len(kernel.variable.shape)
    axis = rank - 2 if kernel.channels == (-1,) else rank - 1
    shape = [1] * rank
    size = int(kernel.variable.shape[axis])
    shape[axis] = size
    kernel.variable.assign(kernel.variable * np.tile(scale, size // len(scale)).reshape(shape))
