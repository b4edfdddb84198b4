"""The deep autoencoder: several hidden layers down to the code, mirrored up again."""

from typing import Any

from edgeae.legacy_keras import keras
from edgeae.training.settings import Settings

__all__ = ["build"]


def build(width: int, settings: Settings) -> Any:
    """Build width → hidden … → code → … hidden → width; the code is linear, the output sigmoid.

    Args:
        width: values of one image.
        settings: `hidden`, `code` and `activation` (of the hidden layers) are used.
    """
    dense = keras.layers.Dense
    image = layer = keras.Input((width,), name="image")
    for number, units in enumerate(settings.hidden, 1):
        layer = dense(units, settings.activation, name=f"encoder_{number}")(layer)
    layer = dense(settings.code, name="code")(layer)
    for number, units in enumerate(reversed(settings.hidden), 1):
        layer = dense(units, settings.activation, name=f"decoder_{number}")(layer)
    reconstruction = dense(width, "sigmoid", name="reconstruction")(layer)
    return keras.Model(image, reconstruction, name="autoencoder")
