"""Child process of test_equalization.py: a model that float32 itself hardly holds."""

import json
import sys

import numpy as np

from edgeae.compression.equalization import equalize
from edgeae.errors import BadInput
from edgeae.originals.legacy_keras import keras

DRAW = np.random.default_rng(5)
IMAGES = DRAW.random((64, 16), np.float32)


def model(size: float):
    """16 → 8 → 1; what the output adds up is `size` times what comes of it."""
    image = keras.Input((16,), name="image")
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")(image)
    net = keras.Model(image, keras.layers.Dense(1, name="last")(hidden))
    kernel = np.abs(DRAW.normal(1, 0.3, (16, 8)))
    kernel[:, 1::2] = kernel[:, ::2] * 3  # each channel once more, three times as large …
    weights = DRAW.normal(0, 1, (8, 1)) * size
    weights[1::2] = -weights[::2] / 3  # … and read with what makes up for it
    net.get_layer("hidden").set_weights([kernel, np.zeros(8)])
    net.get_layer("last").set_weights([weights, np.zeros(1)])
    return net


def told(size: float) -> str:
    try:
        equalize(model(size), IMAGES)
    except BadInput as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.stdout.write(json.dumps({size: told(float(size)) for size in ("1", "1e6")}))
