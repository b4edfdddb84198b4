"""The convolutional autoencoder of signals: strided convolutions encode, sub-pixel ones decode.

A sub-pixel convolution computes the samples between two steps as channels, which a reshape then
lays one after another: W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
Efficient Sub-Pixel Convolutional Neural Network", 2016. It is a transposed convolution in other
words (W. Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016), but
every converter, engine and microcontroller has its operators, CONV_2D and RESHAPE, and every
compression step takes its weights.
"""

from typing import Any

from edgeae.errors import BadInput
from edgeae.families.rules import STRIDE
from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras
from edgeae.training.objective import Objective

#: Two strides and one: neighbouring outputs of a strided convolution share samples.
_KERNEL = 2 * STRIDE + 1
#: Width of the decoder's convolutions, which are not strided.
_SHORT = 3


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build signal → convolutions of stride 4 → code → mirrored layers → signal; linear output.

    A signal whose length is no multiple of the strides is padded by the convolutions; the decoder's
    surplus samples are cropped, so that any window is allowed.

    Args:
        shape: shape of one row: (time,) or (time, channels).
        settings: `hidden` (channels of each convolution), `code` and `activation` are used.

    Raises:
        BadInput: the rows are no signals.
    """
    time, channels = signal(shape)
    layers = keras.layers
    layer = given = keras.Input((time, channels), name="image")
    for number, filters in enumerate(settings.widths, 1):
        layer = layers.Conv1D(
            filters,
            _KERNEL,
            STRIDE,
            "same",
            activation=settings.activation,
            name=f"encoder_{number}",
        )(layer)
    _, steps, last = keras.backend.int_shape(layer)
    layer = layers.Dense(settings.size, name="code")(layers.Flatten(name="flat")(layer))
    layer = layers.Dense(steps * last, settings.activation, name="decoder_1")(layer)
    layer = layers.Reshape((steps, last), name="unflat")(layer)
    for number, filters in enumerate(reversed(settings.widths[:-1]), 2):
        layer = _longer(layer, filters, settings.activation, f"decoder_{number}")
    layer = _longer(layer, channels, "linear", "reconstruction")
    surplus = int(keras.backend.int_shape(layer)[1]) - time
    if surplus:
        layer = layers.Cropping1D((0, surplus), name="cropped")(layer)
    objective = Objective(keras.Model(given, layer, name="autoencoder"))
    objective.jit = False  # XLA's convolutions are no faster
    return objective


def signal(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the length and the channels of one row.

    Raises:
        BadInput: the shape has neither one nor two axes.
    """
    if len(shape) not in (1, 2):
        raise BadInput(
            f"family conv1d: rows of shape {shape}; allowed are (time,) and (time, channels)"
        )
    return shape[0], shape[1] if len(shape) == 2 else 1


def _longer(layer: Any, filters: int, activation: str, name: str) -> Any:
    """Add a sub-pixel convolution, which makes a signal `STRIDE` times as long."""
    steps = int(keras.backend.int_shape(layer)[1])
    wide = keras.layers.Conv1D(
        filters * STRIDE, _SHORT, 1, "same", activation=activation, name=name
    )(layer)
    return keras.layers.Reshape((steps * STRIDE, filters), name=f"{name}_laid")(wide)
