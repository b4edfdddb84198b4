"""The convolutional autoencoder: strided convolutions encode, transposed convolutions decode."""

from typing import Any

from edgeae.errors import BadInput
from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras
from edgeae.training.objective import Objective

_KERNEL = 3


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build image → convolutions of stride 2 → code → mirrored layers → image.

    Args:
        shape: shape of one image.
        settings: `hidden` (channels of each convolution), `code`, `activation`, `loss` and
            `upsample` (resize and convolve, which avoids checkerboard artifacts) are used.

    Raises:
        BadInput: the rows are no pictures.
    """
    height, width, channels = picture(shape, settings.family)
    layers = keras.layers
    image = layer = keras.Input((height, width, channels), name="image")
    for number, filters in enumerate(settings.widths, 1):
        layer = _convolve(filters, 2, settings.activation, f"encoder_{number}")(layer)
    layer = layers.Dense(settings.code, name="code")(layers.Flatten(name="flat")(layer))
    small = (*(halved(side, len(settings.widths)) for side in (height, width)), settings.widths[-1])
    layer = layers.Dense(small[0] * small[1] * small[2], settings.activation, name="decoder_1")(
        layer
    )
    layer = layers.Reshape(small, name="unflat")(layer)
    for number, filters in enumerate(reversed(settings.widths[:-1]), 2):
        layer = _double(layer, filters, settings, settings.activation, f"decoder_{number}")
    layer = _double(layer, channels, settings, "sigmoid", "reconstruction")
    return Objective(
        keras.Model(image, _cropped(layer, height, width), name="autoencoder"), settings.loss
    )


def picture(shape: tuple[int, ...], family: str) -> tuple[int, int, int]:
    """Return height, width and channels of one image.

    Raises:
        BadInput: the shape has neither two nor three axes.
    """
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    raise BadInput(
        f"family {family}: images of shape {shape}; allowed are (height, width) and "
        "(height, width, channels)"
    )


def halved(size: int, times: int) -> int:
    """Return a side's size after `times` convolutions of stride 2 with padding `same`."""
    return -(-size // (1 << times))


def _convolve(filters: int, stride: int, activation: str, name: str) -> Any:
    return keras.layers.Conv2D(filters, _KERNEL, stride, "same", activation=activation, name=name)


def _double(layer: Any, filters: int, settings: Settings, activation: str, name: str) -> Any:
    """Add layers that double height and width."""
    if settings.upsample:
        large = keras.layers.UpSampling2D(name=f"{name}_resize")(layer)
        return _convolve(filters, 1, activation, name)(large)
    return keras.layers.Conv2DTranspose(
        filters, _KERNEL, 2, "same", activation=activation, name=name
    )(layer)


def _cropped(layer: Any, height: int, width: int) -> Any:
    """Add a cropping layer if doubling made the image larger than (height, width)."""
    _, high, wide, _ = keras.backend.int_shape(layer)
    if (high, wide) == (height, width):
        return layer
    return keras.layers.Cropping2D(((0, high - height), (0, wide - width)), name="cropped")(layer)
