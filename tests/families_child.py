"""Child process of test_families.py: what can be asked of the training code alone.

Each function takes JSON and returns JSON; they run in a process of their own because TensorFlow
does, and all in one because its start takes longest. Finite differences are taken in float64, of
the terms themselves.
"""

import gc
import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeae import data
from edgeae.artifacts.model import open_model
from edgeae.errors import BadInput, ManifestMismatch
from edgeae.families.table import fitted, settings
from edgeae.originals.keras_parts import weights_sha256
from edgeae.originals.legacy_keras import keras, tf
from edgeae.originals.original import open_original
from edgeae.training import (
    contractive,
    conv1d,
    denoising,
    dense,
    linear,
    mobile,
    simple,
    sparse,
    variational,
)
from edgeae.training.fit import Budget, deterministic, fit, reconstruct
from edgeae.training.objective import Objective
from edgeae.training.train import fit_model


def difference(function, values, step=1e-5):
    """Central differences of a scalar function of an array."""
    slopes = np.zeros_like(values)
    for index in np.ndindex(values.shape):
        moved = [values.copy(), values.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        slopes[index] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return slopes


def gradient(function, values):
    with tf.GradientTape() as tape:
        variable = tf.Variable(values)
        result = function(variable)
    return tape.gradient(result, variable).numpy()


def both(function, values):
    """Largest difference of the two gradients, and the largest slope."""
    exact = gradient(function, values)
    found = difference(lambda moved: float(function(tf.constant(moved))), values)
    return [float(np.abs(exact - found).max()), float(np.abs(exact).max())]


def kl_gradients(_):
    draw = np.random.default_rng(0)
    activations = draw.uniform(0.05, 0.95, (6, 4))
    mean, spread = draw.normal(size=(2, 5, 3))
    return {
        "sparsity": both(lambda x: sparse.kl_sparsity(x, 0.2), activations),
        "mean": both(lambda x: variational.gaussian_kl(x, tf.constant(spread)), mean),
        "log_variance": both(lambda x: variational.gaussian_kl(tf.constant(mean), x), spread),
    }


def divergences(_):
    """Values of both divergences on inputs that test_families.py knows the answers of."""
    means = [[0.5, 0.25], [0.5, 0.25]]
    return {
        "sparsity": float(sparse.kl_sparsity(tf.constant(means), 0.2)),
        "gaussian": float(
            variational.gaussian_kl(
                tf.constant([[1.5, -0.5], [0.0, 0.0]]), tf.constant([[0.4, -1.0], [0.0, 0.0]])
            )
        ),
    }


def multiplied(_):
    """Terms beside the reconstruction, with λ or β once and doubled."""
    deterministic(0)
    images = tf.constant(np.random.default_rng(4).random((6, 12), dtype=np.float32))
    builders = {
        "sparse": (sparse.build, "weight"),
        "contractive": (contractive.build, "weight"),
        "variational": (variational.build, "beta"),
    }
    found = {}
    for family, (build, key) in builders.items():
        for factor in (0.5, 1.0):
            deterministic(0)
            plan = settings(family, code=4, hidden=(8,), **{key: factor})
            terms = build((12,), plan).terms(images, images, tf.constant(0))
            found.setdefault(family, []).append(float(list(terms.values())[1]))
    return found


def mobile_parameters(_):
    """Parameters of the default mobile encoder on images of MNIST's size."""
    model = mobile.build((28, 28), settings("mobile")).model
    names = [layer.name for layer in model.layers]
    return sum(layer.count_params() for layer in model.layers[: names.index("code") + 1])


def contractive_gradients(job):
    """Gradients in each kernel of ‖J‖², a stack of the given σs, and the norm of an explicit J."""
    names = job["activations"]
    draw = np.random.default_rng(1)
    widths = [7, 6, 5, 4][: len(names) + 1]
    kernels = [draw.normal(size=pair) for pair in itertools.pairwise(widths)]
    images = draw.normal(size=(3, widths[0]))

    def values(stack):
        found = [tf.constant(images)]
        for kernel, name in zip(stack, names, strict=True):
            found.append(keras.activations.get(name)(found[-1] @ kernel))
        return found[1:]

    def norm(stack):
        return contractive.jacobian_norm(stack, values(stack), names)

    def with_kernel(number):
        def function(kernel):
            stack = [tf.constant(item) for item in kernels]
            stack[number] = kernel
            return norm(stack)

        return function

    def code(image):
        for kernel, name in zip(kernels, names, strict=True):
            image = keras.activations.get(name)(image @ tf.constant(kernel))
        return image

    explicit = 0.0
    for image in images:  # finite differences of the code itself: no formula is shared
        columns = [
            (code(tf.constant([image + step])) - code(tf.constant([image - step]))).numpy() / 2e-6
            for step in np.eye(len(image)) * 1e-6
        ]
        explicit += float(np.square(columns).sum()) / len(images)
    return {
        "gradients": [both(with_kernel(number), item) for number, item in enumerate(kernels)],
        "norm": [float(norm([tf.constant(item) for item in kernels])), explicit],
    }


def tied(_):
    """Train a tied model a little; return its two kernels, and those of its start."""
    deterministic(0)
    objective = simple.build((12,), settings("simple", code=4, tied=True))
    images = np.random.default_rng(2).random((200, 12), dtype=np.float32)
    before = objective.model.get_layer("code").kernel.numpy()
    fit(objective, images, images[:20], Budget(2, 20, 1e-2, 0), label="tied")
    code, last = (objective.model.get_layer(name) for name in ("code", "reconstruction"))
    hidden = np.maximum(images @ code.kernel.numpy() + code.bias.numpy(), 0)
    by_hand = 1 / (1 + np.exp(-(hidden @ code.kernel.numpy().T + last.bias.numpy())))
    return {
        "moved": float(np.abs(code.kernel.numpy() - before).max()),
        "apart": float(np.abs(code.kernel.numpy() - last.kernel.numpy().T).max()),
        "exported": float(np.abs(reconstruct(objective.model, images) - by_hand).max()),
    }


def noises(_):
    """Statistics of each kind of noise at its largest amount on a mid-grey image."""
    images = tf.fill((2000, 400), 0.5)
    found = {}
    for noise, amount in (("gaussian", 0.4), ("masking", 0.5), ("salt-and-pepper", 0.5)):
        once = denoising.corrupt(images, noise, amount, tf.constant([1, 2]))
        again = denoising.corrupt(images, noise, amount, tf.constant([1, 2]))
        other = denoising.corrupt(images, noise, amount, tf.constant([1, 3]))
        values = once.numpy()
        found[noise] = {
            "same": bool(np.array_equal(values, again.numpy())),
            "other": bool(np.array_equal(values, other.numpy())),
            "variance": float(values.var()),
            "zeros": float((values == 0).mean()),
            "ones": float((values == 1).mean()),
            "levels": float(np.abs(values - 0.5).mean(axis=1).std()),
        }
    return found


def components(_):
    """Differences of models of rows without training from PCA; none but the last has pairs."""
    deterministic(0)
    draw = np.random.default_rng(5)
    rows = (3 + draw.normal(size=(80, 9)) @ draw.normal(size=(9, 9))).astype(np.float32)
    fresh = (3 + draw.normal(size=(20, 9)) @ draw.normal(size=(9, 9))).astype(np.float32)
    wanted = linear.pca(rows, 4).reconstruct(fresh)
    apart = {}
    for hidden in ((8,), (20,), (12, 10), (7,)):
        objective = dense.build((9,), settings("dense", code=4, hidden=hidden))
        objective.start(rows)
        apart[str(hidden)] = float(np.abs(reconstruct(objective.model, fresh) - wanted).max())
    return apart


def signals(_):
    """Shapes of models of signals, and what an untrained one answers to its mean."""
    shapes = {}
    for shape in ((2,), (17,), (100, 3), (256, 1), (1000, 2)):
        plan = fitted(settings("conv1d"), shape)
        model = conv1d.build(shape, plan).model
        code = model.get_layer("code").output
        shapes[str(shape)] = [*model.input_shape[1:], *model.output_shape[1:], *code.shape[1:]]
    objective = conv1d.build((30, 2), settings("conv1d", code=3, hidden=(4,)))
    rows = np.random.default_rng(6).normal((5.0, -3.0), 1, (50, 30, 2)).astype(np.float32)
    objective.start(rows)
    last = objective.model.get_layer("reconstruction")
    return {
        "shapes": shapes,
        "bias": last.bias.numpy().tolist(),
        "mean": rows.mean((0, 1)).tolist(),
    }


def collector(_):
    """Whether garbage is collected, and whether TensorFlow's modules are looked through for it."""
    return {"enabled": gc.isenabled(), "frozen": gc.get_freeze_count()}


def seeds(job):
    """Hashes of the weights after a training under each of the given seeds."""
    dataset = data.load(job["data"])
    plans = [settings("simple", code=4, epochs=1, seed=seed) for seed in job["seeds"]]
    return [weights_sha256(fit_model(plan, dataset, "seed")[0]) for plan in plans]


def opened(folder):
    """What is said of a model by a record of its own weights, and by one of others."""
    foreign = open_model(Path(folder))  # before the file is another one, which it notices, too
    model = simple.build((12,), settings("simple", code=4)).model
    model.save(Path(folder) / "model.keras")
    own = replace(foreign, weights_sha256=weights_sha256(model))
    said = []
    for training in (own, foreign):
        try:
            said.append(list(open_original(Path(folder), training).shapes["code"]))
        except ManifestMismatch as error:
            said.append(str(error))
    return said


def diverged(_):
    """What is said of a model whose answers are no numbers."""
    x = keras.Input((16,))
    nan = keras.layers.Lambda(lambda values: values * np.nan)
    model = keras.Model(x, nan(keras.layers.Dense(16)(x)))
    rows = np.full((64, 16), 0.5, np.float32)
    try:
        fit(Objective(model), rows, rows, Budget(1, 8, 0.1, 0), label="t")
    except BadInput as error:
        return str(error)
    return "it went on"


if __name__ == "__main__":
    deterministic(0)  # later, threads can no longer be set
    asked = json.loads(sys.argv[1])
    answers = {name: globals()[question](job) for name, (question, job) in asked.items()}
    sys.stdout.write(json.dumps(answers))
