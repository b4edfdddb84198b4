"""Child process of test_tfmot.py: what tfmot's steps leave of a small model."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from steps_child import Images

from edgeae.compression.pipeline import compress
from edgeae.compression.tfmot import steps
from edgeae.conversion.subject import cut_original
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import write
from edgeae.originals.legacy_keras import keras
from edgeae.originals.original import from_keras
from edgeae.recipe import Cluster, Prune, Qat, Recipe

layers = keras.layers
PRUNE = Prune(0.6, criterion="magnitude", steps=100, engine="tfmot")
CLUSTER = Cluster(8, steps=100, engine="tfmot")
QAT = Qat(steps=100, engine="tfmot")


def dense():
    image = keras.Input((24,), name="image")
    code = layers.Dense(16, activation="relu", name="code")(image)
    return keras.Model(image, layers.Dense(24, activation="sigmoid", name="last")(code))


def transposed():
    image = keras.Input((4, 6, 1), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="code")(image)
    x = layers.Conv2DTranspose(1, 3, strides=2, padding="same", name="last")(x)
    return keras.Model(image, x)


def finished(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def recipe(**tables) -> Recipe:
    return Recipe("x", quantization="int8", io="int8", steps=tuple(tables), **tables)


def compressed(model, plan):
    keras.utils.set_random_seed(0)
    before = [weight.numpy() for weight in model.weights]
    made = finished(compress(model, Images(512), plan, None, 0))
    same = all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
    return made, same


def plain():
    """Pruned, 2 of 4, and clustered models have plain layers, and the source is as it was."""
    model, found = dense(), {}
    constant = dataclasses.replace(PRUNE, schedule="constant", sparsity=0.5, m_by_n=(2, 4))
    plans = {
        "pruned": recipe(prune=PRUNE),
        "2 of 4": recipe(prune=constant),
        "clustered": recipe(cluster=CLUSTER),
        "both": recipe(prune=PRUNE, cluster=CLUSTER),
    }
    for name, plan in plans.items():
        made, same = compressed(model, plan)
        found[name] = {
            "same": same,
            "layers": [layer.name for layer in made.layers],
            "kernels": [layer.kernel.numpy().tolist() for layer in made.layers if layer.weights],
        }
    return found


def quantized(folder: str):
    """What is exported of each kind of quantization-aware training: a file each."""
    plans = {
        "qat": recipe(qat=QAT),
        "pqat": recipe(prune=PRUNE, qat=QAT),
        "cqat": recipe(cluster=CLUSTER, qat=QAT),
        "pcqat": recipe(prune=PRUNE, cluster=CLUSTER, qat=QAT),
    }
    answers, images = {}, Images(32).images("test", (24,))
    for name, plan in plans.items():
        made, _ = compressed(dense(), plan)
        subject = from_keras(made, "code", rounds=True)
        parts = cut_original(subject, plan, None, None)
        for part, graph in parts.items():
            Path(folder, f"{name}-{part}.tflite").write_bytes(write(graph))
        answers[name] = made(images, training=False).numpy().tolist()
    return {"images": images.tolist(), "answers": answers}


def refusals():
    """What tfmot does not take, before anything is trained."""
    found = []
    for model, plan in (
        (transposed(), recipe(prune=PRUNE, qat=QAT)),
        (transposed(), recipe(cluster=CLUSTER)),
        (_activated("relu6"), recipe(qat=QAT)),
    ):
        try:
            steps.check(model, plan)
            found.append("taken")
        except BadInput as error:
            found.append(str(error))
    return found


def schedules():
    """The settings of tfmot's schedules: of many steps, of few, and where all is pruned at once."""
    plans = (
        dataclasses.replace(PRUNE, steps=4300),
        PRUNE,
        dataclasses.replace(PRUNE, steps=4300, schedule="constant"),
    )
    return [steps._schedule(plan, 0.6).get_config()["config"] for plan in plans]


def _activated(name: str):
    image = keras.Input((24,), name="image")
    return keras.Model(image, layers.Dense(24, activation=name, name="code")(image))


if __name__ == "__main__":
    found = {"plain": plain(), "quantized": quantized(sys.argv[1]), "refusals": refusals()}
    found["schedules"] = schedules()
    sys.stdout.write(json.dumps(found))
