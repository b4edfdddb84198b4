"""Child process of test_folding.py: fold a model and say what is left and how far it answers."""

import json
import sys

import numpy as np

from edgeae.compression.folding import fold
from edgeae.originals.legacy_keras import keras

layers = keras.layers


def normalized(x, name, **settings):
    return layers.BatchNormalization(name=name, epsilon=0.01, **settings)(x)


def model():
    """One normalisation behind each layer that it can be folded into, and four that must stay."""
    image = keras.Input((8, 8, 2), name="image")
    x = normalized(layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(image), "n1")
    skip = x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="deep")(x)
    x = normalized(x, "n2", scale=False)
    x = normalized(layers.SeparableConv2D(4, 3, padding="same")(x), "n3", center=False)
    x = normalized(layers.Add()([x, skip]), "behind-a-sum")
    x = layers.Flatten()(x)
    x = normalized(layers.Dense(5, name="linear")(x), "code")
    x = normalized(layers.Dense(64, activation="relu", name="active")(x), "behind-an-activation")
    x = layers.Reshape((4, 16))(x)
    x = normalized(layers.Conv1D(16, 3, padding="same", name="axis")(x), "other-axis", axis=1)
    shared = layers.Conv1D(16, 1, name="shared")(x)
    x = layers.Add()([normalized(shared, "needed-elsewhere"), shared])
    x = normalized(layers.Conv1DTranspose(16, 2, padding="same")(x), "n4")
    x = layers.Reshape((4, 4, 4))(layers.ReLU()(x))
    x = normalized(layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x), "n5")
    return keras.Model(image, normalized(layers.Conv2D(2, 1)(x), "n6"))


def main():
    draw = np.random.default_rng(1)
    original = model()
    for weight in original.weights:
        low, high = (0.2, 1.5) if "variance" in weight.name else (-0.7, 0.7)
        weight.assign(draw.uniform(low, high, weight.shape))
    before = original.get_weights()
    folded = fold(original, keep={"code"})
    x = draw.normal(size=(20, 8, 8, 2)).astype(np.float32)

    def code(net):
        return keras.Model(net.input, net.get_layer("code").output)(x, training=False).numpy()

    def answers(net):
        return net(x, training=False).numpy()

    def normalizations(net):
        return [item.name for item in net.layers if isinstance(item, layers.BatchNormalization)]

    found = {
        "kept": normalizations(folded),
        "apart": float(np.abs(answers(folded) - answers(original)).max()),
        "largest": float(np.abs(answers(original)).max()),
        "code_apart": float(np.abs(code(folded) - code(original)).max()),
        "code_is": type(folded.get_layer("code")).__name__,
        "unchanged": all(map(np.array_equal, before, original.get_weights())),
        "again": fold(folded, keep={"code"}) is folded,
        "kept_for_the_code": normalizations(fold(original, keep={"deep"})),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
