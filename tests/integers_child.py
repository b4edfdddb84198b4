"""Child process of test_int16x8.py and test_int4.py: small models converted under recipes.

Writes `<model>-<recipe>-<part>.tflite` into the folder that it is given, and float answers.
"""

import json
import sys
from pathlib import Path

import numpy as np

from edgeae.conversion.parts import cut_parts
from edgeae.conversion.tflite import convert as tflite
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import write
from edgeae.originals.legacy_keras import keras
from edgeae.originals.original import from_keras
from edgeae.recipe import Recipe

layers = keras.layers
DRAW = np.random.default_rng(5)
BOUNDS = (0.0, 1.0)


def images() -> np.ndarray:
    """Smooth pictures, so that neighbours go together as in any photograph."""
    low = DRAW.random((96, 3, 3, 1))
    found = np.kron(low, np.ones((1, 3, 3, 1)))[:, :8, :8].astype(np.float32)
    found[0, 0, 0, 0], found[0, 0, 1, 0] = 0, 1
    return found


def dense():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Dense(24, activation="relu")(layers.Flatten()(image))
    x = layers.Dense(6, name="code")(x)
    x = layers.Dense(24, activation="relu")(x)
    return keras.Model(image, layers.Reshape((8, 8, 1))(layers.Dense(64, activation="sigmoid")(x)))


def convolutional():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Dense(6, name="code")(layers.Flatten()(x))
    x = layers.Reshape((4, 4, 4))(layers.Dense(64, activation="relu")(x))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(image, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def mobile():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Dense(6, name="code")(layers.Flatten()(layers.Conv2D(8, 1)(x)))
    x = layers.Reshape((4, 4, 4))(layers.Dense(64, activation="relu")(x))
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(layers.UpSampling2D(2)(x))
    return keras.Model(image, layers.Conv2D(1, 1, activation="tanh")(x))


RECIPES = {
    "float32": Recipe("x"),
    "int8": Recipe("x", quantization="int8", io="int8"),
    "int8-percentile": Recipe("x", quantization="int8", io="int8", calibration="percentile"),
    "int8-mse": Recipe("x", quantization="int8", io="int8", calibration="mse"),
    "int8-compensated": Recipe("x", quantization="int8", io="int8", rounding="compensated"),
    "int16x8": Recipe("x", quantization="int16x8", io="int16"),
    "int16x8-mse": Recipe("x", quantization="int16x8", io="int16", calibration="mse"),
    "int16x8-compensated": Recipe("x", quantization="int16x8", io="int16", rounding="compensated"),
    "int16x8-float32": Recipe("x", quantization="int16x8", io="float32"),
    "int4": Recipe("x", quantization="int4"),
    "int4-compensated": Recipe("x", quantization="int4", rounding="compensated"),
}
#: Converted twice, which must give the same bytes: each search and each type once.
AGAIN = ("int8-mse", "int16x8-compensated", "int4-compensated")


def convert(original, recipe, chosen):
    """Convert and cut; the bytes of the three parts."""
    made = tflite.convert(original, recipe, chosen)
    parts = cut_parts(made.graph, recipe, BOUNDS, made.kept)
    return {part: write(graph) for part, graph in parts.items()}


def main(folder: Path, wanted: list[str]) -> None:
    chosen = images()
    np.save(folder / "images.npy", chosen)
    found = {"refused": {}, "again": {}}
    for build in (dense, convolutional, mobile):
        net = build()
        for weight in net.weights:
            fan = np.prod(weight.shape[:-1]) if weight.shape.rank > 1 else 25
            weight.assign(DRAW.normal(0, 1 / np.sqrt(fan), weight.shape))
        original = from_keras(net, "code")
        np.save(folder / f"{build.__name__}-float.npy", original.run("autoencoder", chosen))
        for name in wanted:
            try:
                made = convert(original, RECIPES[name], chosen)
            except BadInput as error:
                found["refused"][f"{build.__name__}-{name}"] = str(error)
                continue
            for part, content in made.items():
                (folder / f"{build.__name__}-{name}-{part}.tflite").write_bytes(content)
            if name in AGAIN:
                same = convert(original, RECIPES[name], chosen) == made
                found["again"][f"{build.__name__}-{name}"] = same
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
