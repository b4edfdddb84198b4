"""Child process of test_compression.py: constraints, equalization and integers of small models."""

import json
import sys

import numpy as np

from edgeae.compression.clustering import k_means
from edgeae.compression.constraints import Constrained, on_grid
from edgeae.compression.equalization import equalize
from edgeae.compression.fine_tuning import ConstrainedObjective, bake
from edgeae.compression.kernels import kernels
from edgeae.compression.quantized_graph import QuantizedGraph
from edgeae.conversion.tflite import convert as tflite
from edgeae.formats.tflite.cut import cut
from edgeae.formats.tflite.graph import write
from edgeae.originals.keras_parts import clone
from edgeae.originals.legacy_keras import keras, tf
from edgeae.originals.original import from_keras
from edgeae.recipe import Recipe

layers = keras.layers
DRAW = np.random.default_rng(5)
IMAGES = DRAW.random((64, 8, 8, 1), np.float32)
IMAGES[0, 0, 0, 0], IMAGES[0, 0, 1, 0] = 0, 1


def model():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv")(image)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="wide")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(5, name="code")(x)
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    x = layers.Dense(64, activation="sigmoid", name="last")(x)
    net = keras.Model(image, layers.Reshape((8, 8, 1))(x))
    for weight in net.weights:
        weight.assign(DRAW.normal(0, 0.4, weight.shape))
    return net


def trained_under_all_constraints(net):
    """A few steps of gradient descent with zeros, values and a grid to keep."""
    copy = clone(net)
    constrained = []
    for kernel in kernels(copy):
        values = kernel.variable.numpy()
        values[np.abs(values) < np.median(np.abs(values))] = 0
        kernel.variable.assign(values)
        few = k_means(values / np.abs(values).max(), 6, 0, sparse=True)
        few = few[few != 0]
        constrained.append(Constrained(kernel, sparse=True, values=few, bits=8, per_channel=False))
        constrained[-1].settle(1.0)
        constrained[-1].fix(1.0)
    zeros = [item.kernel.variable.numpy() == 0 for item in constrained]
    before = [item.exact().numpy() for item in constrained]
    objective = ConstrainedObjective(copy, constrained, QuantizedGraph(copy, IMAGES))
    optimizer = keras.optimizers.Adam(1e-2)
    losses = []
    for step in range(30):
        with tf.GradientTape() as tape:
            (loss,) = objective.terms(IMAGES, IMAGES, step).values()
        gradients = tape.gradient(loss, objective.trainable)
        optimizer.apply_gradients(zip(gradients, objective.trainable, strict=True))
        losses.append(float(loss))
    same = all(getattr(k.layer, k.attribute) is k.variable for k in kernels(copy))
    answer = objective(IMAGES).numpy()
    bake(constrained)
    after = [item.kernel.variable.numpy() for item in constrained]
    return {
        "losses": [losses[0], losses[-1]],
        "moved": [float(np.abs(a - b).max()) for a, b in zip(after, before, strict=True)],
        "zeros_kept": [bool((a[z] == 0).all()) for a, z in zip(after, zeros, strict=True)],
        "values": [len(np.unique(a)) for a in after],
        "zeros_below_zero": [int(np.signbit(a[a == 0]).sum()) for a in after],
        "off_grid": [float(np.abs(a - on_grid(a, 8, None)).max()) for a in after],
        "variables_are_back": same,
        "baked_apart": float(
            np.abs(QuantizedGraph(copy, IMAGES)(IMAGES, follow=False) - answer).max()
        ),
    }


def equalized(net):
    copy = clone(net)
    first = copy.get_layer("hidden").get_weights()
    copy.get_layer("hidden").set_weights([first[0] * np.geomspace(1, 50, 16), first[1]])
    before = copy(IMAGES).numpy()
    spread = ranges(copy)
    equalize(copy, IMAGES)
    return {
        "apart": float(np.abs(copy(IMAGES).numpy() - before).max()),
        "spread": [spread, ranges(copy)],
    }


def ranges(net):
    """Largest over least range of the hidden layer's channels that speak."""
    most = keras.Model(net.input, net.get_layer("hidden").output)(IMAGES).numpy().max(axis=0)
    return float(most.max() / most[most > 0].min())


def against_the_converter(net):
    """How far the simulation, and the real int8 kernels, are from the float model."""
    whole = tflite.convert(
        from_keras(net, "code"),
        Recipe("x", quantization="int8", io="int8", calibration="percentile", percentile=100),
        IMAGES,
    ).graph
    graph = cut(whole, whole.inputs, {"reconstruction": whole.outputs["reconstruction"]})
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=write(graph))
    interpreter.allocate_tensors()
    (given,), (asked,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for image in IMAGES:
        stored = np.clip(np.round(image * 255) - 128, -128, 127).astype(np.int8)
        interpreter.set_tensor(given["index"], stored[None])
        interpreter.invoke()
        answers.append((interpreter.get_tensor(asked["index"]).astype(np.float32) + 128) / 256)
    real = np.concatenate(answers)
    rounded = np.round(IMAGES * 255) / 255
    copy = clone(net)
    for kernel in kernels(copy):
        kernel.variable.assign(on_grid(kernel.variable.numpy(), 8, kernel.others))
    simulated = QuantizedGraph(copy, IMAGES)(rounded.astype(np.float32), follow=False).numpy()
    plain = net(rounded.astype(np.float32)).numpy()

    def rms(a, b):
        return float(np.sqrt(np.mean((a.reshape(64, -1) - b.reshape(64, -1)) ** 2)))

    return {"simulated": rms(simulated, plain), "real": rms(real, plain)}


def main():
    net = model()
    hashed = [weight.numpy().copy() for weight in net.weights]
    found = {
        "constraints": trained_under_all_constraints(net),
        "equalized": equalized(net),
        "converter": against_the_converter(net),
        "kernels": {item.name: [item.depthwise, list(item.others)] for item in kernels(net)},
    }
    found["untouched"] = all(
        np.array_equal(weight.numpy(), before)
        for weight, before in zip(net.weights, hashed, strict=True)
    )
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
