"""The fully connected model that most families train."""

from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras


def mirrored(width: int, settings: Settings, code_activation: str = "linear") -> Any:
    """Return a Keras model width → hidden … → code → … hidden → width; the output is a sigmoid.

    Args:
        width: number of values of one image.
        settings: `hidden`, `code` and `activation` (of the hidden layers) are used.
        code_activation: activation of the layer `code`.
    """
    dense = keras.layers.Dense
    image = layer = keras.Input((width,), name="image")
    for number, units in enumerate(settings.hidden, 1):
        layer = dense(units, settings.activation, name=f"encoder_{number}")(layer)
    layer = dense(settings.code, code_activation, name="code")(layer)
    for number, units in enumerate(reversed(settings.hidden), 1):
        layer = dense(units, settings.activation, name=f"decoder_{number}")(layer)
    reconstruction = dense(width, "sigmoid", name="reconstruction")(layer)
    return keras.Model(image, reconstruction, name="autoencoder")
