"""Child process of test_import_tutorials.py: the tutorials' autoencoders, as their pages have them.

`python tutorials_child.py FOLDER` builds, with Keras 3 and nothing of edgeae,

* `denoiser.keras` of keras.io's "Convolutional autoencoder for image denoising",
* `timeseries.keras` of keras.io's "Timeseries anomaly detection using an Autoencoder",
* `basic`, `denoise` and `detector` of TensorFlow's "Intro to Autoencoders": subclassed models, as
  `model.export()` writes them, and `subclassed.keras`, as `model.save()` does,

fits each for one epoch, and writes its answers to `NAME-x.npy` as `NAME-y.npy`. Keras.io's
variational autoencoder is in `pairs_child.py`.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers, losses
from keras.models import Model


def denoiser():
    input = layers.Input(shape=(28, 28, 1))
    x = layers.Conv2D(32, (3, 3), activation="relu", padding="same")(input)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2D(32, (3, 3), activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2DTranspose(32, (3, 3), strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(32, (3, 3), strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    model = Model(input, x)
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model


def timeseries():
    model = keras.Sequential(
        [
            layers.Input(shape=(288, 1)),
            layers.Conv1D(filters=32, kernel_size=7, padding="same", strides=2, activation="relu"),
            layers.Dropout(rate=0.2),
            layers.Conv1D(filters=16, kernel_size=7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(
                filters=16, kernel_size=7, padding="same", strides=2, activation="relu"
            ),
            layers.Dropout(rate=0.2),
            layers.Conv1DTranspose(
                filters=32, kernel_size=7, padding="same", strides=2, activation="relu"
            ),
            layers.Conv1DTranspose(filters=1, kernel_size=7, padding="same"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
    return model


class Autoencoder(Model):
    """The tutorial's first example."""

    def __init__(self, latent_dim, shape):
        super().__init__()
        self.encoder = keras.Sequential(
            [layers.Flatten(), layers.Dense(latent_dim, activation="relu")]
        )
        size = int(tf.math.reduce_prod(shape).numpy())
        self.decoder = keras.Sequential(
            [layers.Dense(size, activation="sigmoid"), layers.Reshape(shape)]
        )

    def call(self, x):
        return self.decoder(self.encoder(x))


class Denoise(Model):
    """The tutorial's second example."""

    def __init__(self):
        super().__init__()
        same = {"activation": "relu", "padding": "same", "strides": 2}
        self.encoder = keras.Sequential(
            [
                layers.Input(shape=(28, 28, 1)),
                layers.Conv2D(16, (3, 3), **same),
                layers.Conv2D(8, (3, 3), **same),
            ]
        )
        self.decoder = keras.Sequential(
            [
                layers.Conv2DTranspose(8, kernel_size=3, **same),
                layers.Conv2DTranspose(16, kernel_size=3, **same),
                layers.Conv2D(1, kernel_size=(3, 3), activation="sigmoid", padding="same"),
            ]
        )

    def call(self, x):
        return self.decoder(self.encoder(x))


class AnomalyDetector(Model):
    """The tutorial's third example, of electrocardiograms of 140 points."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential(
            [
                layers.Dense(32, activation="relu"),
                layers.Dense(16, activation="relu"),
                layers.Dense(8, activation="relu"),
            ]
        )
        self.decoder = keras.Sequential(
            [
                layers.Dense(16, activation="relu"),
                layers.Dense(32, activation="relu"),
                layers.Dense(140, activation="sigmoid"),
            ]
        )

    def call(self, x):
        return self.decoder(self.encoder(x))


def images(n):
    """Bright squares on black, (n, 28, 28) float32: something that each model learns at once."""
    random = np.random.default_rng(0)
    rows = np.zeros((n, 28, 28), np.float32)
    for image, (top, left, side) in zip(rows, random.integers(4, 12, (n, 3)), strict=True):
        image[top : top + side, left : left + side] = random.uniform(0.6, 1)
    return rows


def waves(n, size, low, high):
    """Sines of random phase, (n, size) float32 from `low` to `high`."""
    random = np.random.default_rng(1)
    phase, rate = random.uniform(0, 6.28, (n, 1)), random.uniform(1, 3, (n, 1))
    wave = np.sin(phase + rate * np.linspace(0, 6.28, size))
    return ((wave + 1) / 2 * (high - low) + low).astype(np.float32)


def main(folder: Path) -> None:
    keras.utils.set_random_seed(0)
    squares = images(600)
    built = {
        "denoiser": (denoiser(), squares[..., None]),
        "timeseries": (timeseries(), waves(600, 288, -2, 2)[..., None]),
        "basic": (Autoencoder(64, (28, 28)), squares),
        "denoise": (Denoise(), squares[..., None]),
        "detector": (AnomalyDetector(), waves(600, 140, 0, 1)),
    }
    for name, (model, rows) in built.items():
        if not model.compiled:
            model.compile(optimizer="adam", loss=losses.MeanSquaredError())
        model.fit(rows, rows, epochs=8, batch_size=16, verbose=0)
        np.save(folder / f"{name}-x.npy", rows)
        np.save(folder / f"{name}-y.npy", np.asarray(model(rows[:100], training=False)))
        if type(model).__module__ == "__main__":
            model.export(str(folder / name), verbose=False)
        else:
            model.save(folder / f"{name}.keras")
    built["detector"][0].save(folder / "subclassed.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
