"""Trains the conv encoder of `bench/mcu.py` on MNIST and writes it as an int8 `.tflite`.

    python bench/mcu_conv.py OUT.tflite

28×28×1 → Conv 3×3/2 to 8 → Conv 3×3/2 to 16 → Dense 32: 95,648 multiply-accumulates. Convolutions
are quantized per channel, the Dense layer per tensor.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.data.find import load

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

_EPOCHS = 2
_CALIBRATED = 200


def main() -> None:
    """Train, convert and write, unless the file is there."""
    out = Path(sys.argv[1])
    if out.exists():
        return
    dataset = load("mnist")
    images = dataset.normalization.real(dataset.train).reshape(-1, 28, 28, 1).astype(np.float32)
    content = _converted(_encoder(images), images[:_CALIBRATED])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)


def _encoder(images: np.ndarray) -> Any:
    """Return the encoder of an autoencoder that was trained on images (n, 28, 28, 1)."""
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((28, 28, 1))
    hidden = layers.Conv2D(8, 3, 2, "same", activation="relu")(image)
    hidden = layers.Conv2D(16, 3, 2, "same", activation="relu")(hidden)
    code = layers.Dense(32)(layers.Flatten()(hidden))
    hidden = layers.Dense(128, activation="relu")(code)
    output = layers.Reshape((28, 28, 1))(layers.Dense(784, activation="sigmoid")(hidden))
    autoencoder = keras.Model(image, output)
    autoencoder.compile("adam", "mse")
    autoencoder.fit(images, images, batch_size=128, epochs=_EPOCHS, verbose=2)
    return keras.Model(image, code)


def _converted(encoder: Any, images: np.ndarray) -> bytes:
    """Return the int8 `.tflite`, calibrated on images (n, 28, 28, 1)."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(encoder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    content: bytes = converter.convert()
    return content


if __name__ == "__main__":
    main()
