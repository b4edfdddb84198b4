"""The mobile autoencoder: depthwise-separable convolutions, for microcontrollers.

A. G. Howard et al., "MobileNets", 2017: a 3×3 convolution of each channel by itself, then a 1×1
convolution across channels, each with batch normalisation.
"""

from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras
from edgeae.training.conv import halved, picture
from edgeae.training.objective import Objective

_KERNEL = 3


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build image → convolutions of stride 2, all but the first separable → code → image.

    The decoder resizes instead of using transposed convolutions, because a batch normalisation
    cannot be folded into a transposed convolution.

    Args:
        shape: shape of one image.
        settings: `hidden` (channels after each halving), `code`, `activation` and `loss` are used.

    Raises:
        BadInput: the rows are no pictures.
    """
    height, width, channels = picture(shape, settings.family)
    layers = keras.layers
    first, *rest = settings.widths
    image = keras.Input((height, width, channels), name="image")
    layer = layers.Conv2D(first, _KERNEL, 2, "same", use_bias=False, name="encoder_1")(image)
    layer = _normalised(layer, settings, "encoder_1")
    for number, filters in enumerate(rest, 2):
        layer = _separable(layer, filters, 2, settings, f"encoder_{number}")
    layer = layers.Dense(settings.code, name="code")(layers.Flatten(name="flat")(layer))
    return Objective(
        keras.Model(image, _decoded(layer, (height, width, channels), settings)), settings.loss
    )


def _decoded(code: Any, shape: tuple[int, int, int], settings: Settings) -> Any:
    height, width, channels = shape
    layers = keras.layers
    # two doublings follow, so that each side starts at a quarter, rounded up
    sides = (halved(height, 2), halved(width, 2))
    widths = [*reversed(settings.widths)]
    layer = layers.Dense(sides[0] * sides[1] * widths[0], settings.activation, name="decoder_1")(
        code
    )
    layer = layers.Reshape((*sides, widths[0]), name="unflat")(layer)
    for number, filters in enumerate((widths[0], widths[-1]), 2):
        layer = layers.UpSampling2D(name=f"decoder_{number}_resize")(layer)
        layer = _separable(layer, filters, 1, settings, f"decoder_{number}")
    layer = layers.Conv2D(
        channels, _KERNEL, 1, "same", activation="sigmoid", name="reconstruction"
    )(layer)
    over = (4 * sides[0] - height, 4 * sides[1] - width)
    if any(over):
        layer = layers.Cropping2D(((0, over[0]), (0, over[1])), name="cropped")(layer)
    return layer


def _separable(layer: Any, filters: int, stride: int, settings: Settings, name: str) -> Any:
    layers = keras.layers
    layer = layers.DepthwiseConv2D(
        _KERNEL, stride, "same", use_bias=False, name=f"{name}_depthwise"
    )(layer)
    layer = _normalised(layer, settings, f"{name}_depthwise")
    layer = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pointwise")(layer)
    return _normalised(layer, settings, f"{name}_pointwise")


def _normalised(layer: Any, settings: Settings, name: str) -> Any:
    layer = keras.layers.BatchNormalization(name=f"{name}_norm")(layer)
    return keras.layers.Activation(settings.activation, name=f"{name}_act")(layer)
