"""The simple autoencoder: one hidden layer, which is the code."""

from typing import Any

from edgeae.legacy_keras import keras
from edgeae.training.settings import Settings

__all__ = ["build"]


def build(width: int, settings: Settings) -> Any:
    """Build width → code → width: h = σ(Wx+b), x′ = sigmoid(W′h+b′).

    Args:
        width: values of one image.
        settings: `code` and `activation` (σ) are used.
    """
    image = keras.Input((width,), name="image")
    code = keras.layers.Dense(settings.code, settings.activation, name="code")(image)
    reconstruction = keras.layers.Dense(width, "sigmoid", name="reconstruction")(code)
    return keras.Model(image, reconstruction, name="autoencoder")
