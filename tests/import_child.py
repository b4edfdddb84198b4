"""Child processes of the import tests.

`python import_child.py NAME VERSION PATH` writes the model NAME to PATH with Keras 2 or 3, and its
answers to 8 rows beside it, at PATH.npz: `x` and `y`. Weights are random but settled by a seed;
nothing is trained.

`python import_child.py answers PATH NPZ` writes the answers of `model.keras` at PATH to the `x` of
NPZ as PATH.npy, by Keras 2 and nothing of edgeae.
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"


def nested_conv(keras):
    """Keras 3: encoder and decoder are models of their own, one functional, one sequential."""
    layers = keras.layers
    image = keras.Input((None, None, 1), name="picture")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization()(x)
    skip = x = layers.LeakyReLU(negative_slope=0.1)(x)
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.Add()([x, skip])
    x = layers.MaxPooling2D()(x)
    encoder = keras.Model(image, layers.Conv2D(2, 1, name="code")(x), name="encoder")
    decoder = keras.Sequential(
        [
            layers.Input((None, None, 2)),
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="leaky_relu"),
            layers.Dropout(0.2),
            layers.UpSampling2D(),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ],
        name="decoder",
    )
    whole = keras.Input((None, None, 1))
    return keras.Model(whole, decoder(encoder(whole))), (8, 16, 16, 1)


def decibels(keras):
    """Keras 2: a dense autoencoder of 640 values around -40 dB, normalised after each layer.

    Its kernels are `compressed`.
    """
    layers = keras.layers
    model = keras.Sequential([layers.InputLayer((640,))])
    for width in (64, 64, 8, 64, 64):
        model.add(layers.Dense(width))
        model.add(layers.BatchNormalization())
        model.add(layers.Activation("relu"))
    model.add(layers.Dense(640))
    return model, (8, 640)


def long(keras):
    """Keras 3: several hundred layers, with a skip in each block of encoder and decoder."""
    layers = keras.layers

    def block(x, width, number):
        skip = x
        for step in "ab":
            x = layers.Dense(width, name=f"{number}{step}")(x)
            x = layers.BatchNormalization(name=f"{number}{step}_norm")(x)
            x = layers.ReLU(name=f"{number}{step}_relu")(x)
        return layers.Add(name=f"{number}_sum")([x, skip])

    image = x = keras.Input((48,))
    for number in range(22):
        x = block(x, 48, f"e{number}")
    x = layers.Dense(6, name="bottleneck", use_bias=False)(x)
    x = layers.BatchNormalization(name="bottleneck_norm")(x)
    x = layers.ReLU(name="bottleneck_relu")(x)
    x = layers.Dense(48, name="wide")(x)
    for number in range(22):
        x = block(x, 48, f"d{number}")
    return keras.Model(image, layers.Dense(48, name="last")(x)), (8, 48)


def every(keras):
    """Every layer that can be imported, with settings that are not the defaults."""
    layers = keras.layers
    image = x = keras.Input((16, 12, 3))
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = layers.Rescaling(2.0, offset=-1.0)(x)  # as the first layer it would be taken off
    x = layers.Conv2D(6, (3, 2), strides=2, padding="valid", activation="tanh")(x)
    x = layers.Cropping2D(((0, 1), (1, 0)))(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False)(x)
    x = layers.BatchNormalization(epsilon=0.01, scale=False)(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.SeparableConv2D(8, 3, dilation_rate=2, padding="same", activation="elu")(x)
    x = layers.AveragePooling2D(2, strides=1, padding="same")(x)
    x = layers.SpatialDropout2D(0.1)(layers.Conv2D(8, 3, groups=2, padding="same")(x))
    x = layers.LayerNormalization(epsilon=0.1)(x)
    gates = layers.GlobalAveragePooling2D(keepdims=True)(x)
    most = layers.GlobalMaxPooling2D(keepdims=True)(x)
    gates = layers.Conv2D(8, 1, activation="sigmoid")(layers.Maximum()([gates, most]))
    x = layers.Multiply()([x, gates])
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Flatten()(layers.GaussianNoise(0.1)(x))
    x = layers.Dense(40, activation=layers.LeakyReLU())(x)
    x = layers.Dense(24, activation="swish")(layers.Dropout(0.1)(x))
    x = layers.AlphaDropout(0.1)(layers.GaussianDropout(0.1)(x))
    x = layers.Reshape((-1, 4))(x)
    x = layers.Identity()(layers.SpatialDropout1D(0.1)(x))
    left = layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(x)
    right = layers.SeparableConv1D(4, 3, padding="same")(x)
    x = layers.Subtract()([left, layers.Average()([left, right])])
    x = layers.ZeroPadding1D(1)(layers.MaxPooling1D(2)(layers.UpSampling1D(2)(x)))
    x = layers.Cropping1D((1, 1))(layers.AveragePooling1D(1)(x))
    sums = [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)]
    code = layers.Dense(5, name="code")(layers.Concatenate()(sums))
    code = layers.ActivityRegularization(l2=0.1)(layers.Activation("softsign")(code))
    x = layers.Reshape((12, 8))(layers.Dense(96, activation="relu")(code))
    x = layers.Conv1DTranspose(12, 4, strides=2, padding="valid")(x)
    x = layers.Softmax()(layers.ELU(0.5)(x))
    x = layers.Cropping1D((1, 1))(x)
    x = layers.ReLU(max_value=0.9, negative_slope=0.1)(x)
    x = layers.Reshape((8, 6, 6))(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1)(x)
    x = layers.UpSampling2D((2, 1), interpolation="bilinear")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.Conv2DTranspose(3, 3, padding="same", activation="sigmoid")(x)
    return keras.Model(image, layers.Add()([x, layers.LeakyReLU(0.2)(x)])), (8, 16, 12, 3)


def spread(weights, draw):
    """Weights such that every layer and every normalisation matters, and nothing grows."""
    values = []
    for weight in weights:
        name = getattr(weight, "path", weight.name)
        if "variance" in name:
            value = draw.uniform(0.5, 2, weight.shape)
        elif "gamma" in name:
            value = draw.uniform(0.1, 0.3, weight.shape)
        elif name.startswith("last/"):
            value = draw.normal(0, 0.01, weight.shape)
        elif len(weight.shape) < 2:
            value = draw.normal(0, 0.1, weight.shape)
        else:
            value = draw.normal(0, 0.7 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
        values.append(value.astype(np.float32))
    return values


def compressed(values):
    """Each kernel with 16 values, and three fifths of the first one's weights zero beside them."""
    kernels = [place for place, value in enumerate(values) if value.ndim == 2]
    for place in kernels:
        weights = values[place].reshape(-1)
        order = np.argsort(weights)
        for group in np.array_split(order, 16):
            weights[group] = weights[group].mean()
    first = values[kernels[0]]
    first[np.random.default_rng(6).random(first.shape) < 0.6] = 0
    return values


def write(name: str, version: str, path: Path) -> None:
    if version == "2":
        import tf_keras as keras
    else:
        import keras
    draw = np.random.default_rng(5)
    model, shape = MODELS[name](keras)
    values = spread(model.weights, draw)
    model.set_weights(compressed(values) if name == "decibels" else values)
    x = draw.uniform(-80, 0, shape) if name == "decibels" else draw.uniform(0, 1, shape)
    y = np.asarray(model(x.astype(np.float32), training=False))
    model.save(path)
    np.savez(f"{path}.npz", x=x.astype(np.float32), y=y)


def answers(path: Path, rows: Path) -> None:
    import tf_keras as keras

    model = keras.models.load_model(path, compile=False)
    np.save(f"{path}.npy", model(np.load(rows)["x"], training=False))


MODELS = {"nested": nested_conv, "decibels": decibels, "long": long, "every": every}

if __name__ == "__main__":
    if sys.argv[1] == "answers":
        answers(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        write(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
