"""Child process: `python scaling_child.py NAME VERSION FOLDER` writes a Keras model that scales.

Rows of 5 columns on scales of their own lie in a plane; a linear autoencoder with a code of 2 gives
them back exactly, if it is in the right unit. Writes the rows and NAME.keras, by Keras 2 or 3.
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"

COLUMNS, CODE, N = 5, 2, 240


def table():
    """Rows on different scales whose standardised form has rank 2."""
    random = np.random.default_rng(3)
    plane = random.normal(0, 1, (N, CODE)) @ random.normal(0, 1, (CODE, COLUMNS))
    return (plane * [1, 100, 0.01, 5, 2000] + [0, 500, 3, -7, 1e4]).astype(np.float32)


def halves(standard):
    """The kernels (columns, 2) and (2, columns) that give standardised rows back."""
    _, _, directions = np.linalg.svd(standard, full_matrices=False)
    return directions[:CODE].T, directions[:CODE]


def with_weights(keras, source, output, weights):
    model = keras.Model(source, output)
    for name, values in weights.items():
        layer = model.get_layer(name)
        layer.set_weights([np.asarray(value, np.float32) for value in values])
    return model


def dense(keras, name, rows):
    layers = keras.layers
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    down, up = halves((rows - mean) / deviation)

    def norm(title, **settings):
        layer = layers.Normalization(name=title, **settings)
        layer.adapt(rows)
        return layer

    own_unit = name in ("unit", "softplus")
    last = [up * deviation, mean] if own_unit else [up, np.zeros(COLUMNS)]
    weights = {"code": [down, np.zeros(CODE)], "last": last}
    if name == "pair":
        source = keras.Input((COLUMNS,))
        code = layers.Dense(CODE, name="code")(norm("norm")(source))
        encoder = with_weights(keras, source, code, {"code": weights["code"]})
        code = keras.Input((CODE,))
        decoder = with_weights(
            keras, code, layers.Dense(COLUMNS, name="last")(code), {"last": weights["last"]}
        )
        return {"encoder": encoder, "decoder": decoder}
    image = keras.Input((COLUMNS,))
    x = layers.GaussianNoise(0.1)(norm("norm")(layers.Dropout(0.1)(image)))
    x = layers.Dense(CODE, name="code")(x)
    x = layers.Dense(COLUMNS, name="last", activation="softplus" if name == "softplus" else None)(x)
    if name == "inverse":
        x = norm("back", invert=True)(x)
    return {name: with_weights(keras, image, x, weights)}


def windows(keras, rows):
    """Windows of 8 samples, through a code of 2 values for each sample."""
    layers = keras.layers
    normal = layers.Normalization(name="norm")
    normal.adapt(rows)
    down, up = halves((rows - rows.mean(axis=0)) / rows.std(axis=0))
    image = keras.Input((8, COLUMNS))
    x = layers.Conv1D(CODE, 1, name="narrow")(normal(image))
    x = layers.Reshape((16,), name="code")(x)
    x = layers.Conv1D(COLUMNS, 1, name="last")(layers.Reshape((8, CODE))(x))
    weights = {"narrow": [down[None], np.zeros(CODE)], "last": [up[None], np.zeros(COLUMNS)]}
    return {"windows": with_weights(keras, image, x, weights)}


def bytes_(keras, place):
    """Bytes that the model itself turns into −1 to 1: columns 3 to 5 repeat the first."""
    layers = keras.layers
    first = np.random.default_rng(1).integers(0, 256, (N, CODE), np.uint8)
    first[0], first[1] = 0, 255
    pick = [0, 1, 0, 1, 0]
    np.save(place / "bytes.npy", first[:, pick])
    down = np.eye(COLUMNS, CODE)
    up = np.eye(CODE)[:, pick]
    image = keras.Input((COLUMNS,))
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
    x = layers.Dense(COLUMNS, name="last")(layers.Dense(CODE, name="code")(x))
    weights = {"code": [down, np.zeros(CODE)], "last": [up, np.zeros(COLUMNS)]}
    return {"bytes": with_weights(keras, image, x, weights)}


def main(name: str, version: str, place: Path) -> None:
    if version == "2":
        import tf_keras as keras
    else:
        import keras
    rows = table()
    np.savetxt(place / "rows.csv", rows, delimiter=",", header="a,b,c,d,e", comments="", fmt="%.9g")
    if name == "windows":
        models = windows(keras, rows)
    else:
        models = bytes_(keras, place) if name == "bytes" else dense(keras, name, rows)
    for title, model in models.items():
        model.save(place / f"{title}.keras")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
