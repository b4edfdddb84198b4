"""Child process of test_import_pairs.py: encoders and decoders that Keras 3 saved as two files.

`python pairs_child.py FOLDER` writes the variational autoencoder of keras.io's example (encoder
with a layer of the author's own, decoder), a plain pair, their answers to `rows.npy` as `vae.npy`
and `plain.npy`, and a decoder of another width.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="mine")
class Sampling(layers.Layer):
    """z_mean + exp(z_log_var / 2) · ε, as in the example."""

    def call(self, inputs):
        mean, log_variance = inputs
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean))


def variational():
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu", strides=2, padding="same")(image)
    x = layers.Conv2D(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu")(x)
    mean = layers.Dense(2, name="z_mean")(x)
    log_variance = layers.Dense(2, name="z_log_var")(x)
    code = Sampling()([mean, log_variance])
    encoder = keras.Model(image, [mean, log_variance, code], name="encoder")
    given = keras.Input((2,))
    x = layers.Dense(7 * 7 * 64, activation="relu")(given)
    x = layers.Reshape((7, 7, 64))(x)
    x = layers.Conv2DTranspose(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu", strides=2, padding="same")(x)
    image = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
    return encoder, keras.Model(given, image, name="decoder")


def plain(width):
    """Layers of the same names in both files, and a code that is not the narrowest tensor."""
    encoder = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(width, name="dense")]
    )
    decoder = keras.Sequential(
        [
            keras.Input((width,)),
            layers.Dense(6, name="dense"),
            layers.Dense(784, activation="sigmoid", name="last"),
            layers.Reshape((28, 28, 1)),
        ]
    )
    return encoder, decoder


def main(folder: Path) -> None:
    keras.utils.set_random_seed(1)
    rows = np.random.default_rng(1).uniform(0, 1, (60, 28, 28, 1)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    for name, (encoder, decoder) in {"vae": variational(), "plain": plain(8)}.items():
        for model in (encoder, decoder):  # so that answers differ from pixel to pixel
            model.set_weights([4 * values for values in model.get_weights()])
        encoder.save(folder / f"{name}-encoder.keras")
        decoder.save(folder / f"{name}-decoder.keras")
        codes = encoder(rows, training=False)
        codes = codes[0] if isinstance(codes, list | tuple) else codes
        np.save(folder / f"{name}.npy", np.asarray(decoder(codes, training=False)))
    plain(9)[1].save(folder / "other-decoder.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
