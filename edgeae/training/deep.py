"""The deep autoencoder: several hidden layers before the code, mirrored after it.

Other families train the same fully connected model, `mirrored`, for another objective.
"""

import math
from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras
from edgeae.training.objective import Objective


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → code → … hidden → width; the code is linear, the output sigmoid.

    Args:
        shape: shape of one image.
        settings: `hidden`, `code`, `activation` (of the hidden layers) and `loss` are used.
    """
    return Objective(mirrored(math.prod(shape), settings), settings.loss)


def mirrored(
    width: int, settings: Settings, code_activation: str = "linear", output: str = "sigmoid"
) -> Any:
    """Return a Keras model width → hidden … → code → … hidden → width.

    Args:
        width: number of values of one image.
        settings: `hidden`, `code` and `activation` (of the hidden layers) are used.
        code_activation: activation of the layer `code`.
        output: activation of the last layer.
    """
    dense = keras.layers.Dense
    image = layer = keras.Input((width,), name="image")
    for number, units in enumerate(settings.widths, 1):
        layer = dense(units, settings.activation, name=f"encoder_{number}")(layer)
    layer = dense(settings.code, code_activation, name="code")(layer)
    for number, units in enumerate(reversed(settings.widths), 1):
        layer = dense(units, settings.activation, name=f"decoder_{number}")(layer)
    reconstruction = dense(width, output, name="reconstruction")(layer)
    return keras.Model(image, reconstruction, name="autoencoder")
