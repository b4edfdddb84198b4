"""Child process of test_steps.py: what pruning and clustering do to small kernels."""

import json
import sys

import numpy as np

from edgeae.compression import saliency
from edgeae.compression.clustering import cluster, k_means
from edgeae.compression.codebook import Codebook
from edgeae.compression.constraints import Constrained, integers
from edgeae.compression.kernels import Kernel, wanted
from edgeae.compression.pruning import prune
from edgeae.compression.saliency import curvatures
from edgeae.originals.legacy_keras import keras, tf
from edgeae.recipe import Cluster, Prune, Recipe

DRAW = np.random.default_rng(3)
saliency._BATCHES = 100  # of a model this small, as good as more


class Images:
    """As much of a dataset as fine-tuning asks for: 8 of 24 pixels are always black."""

    def __init__(self, n: int) -> None:
        base = DRAW.random((n, 3)).astype(np.float32) @ DRAW.random((3, 16)).astype(np.float32) / 3
        self._images = np.concatenate([base, np.zeros((n, 8), np.float32)], axis=1)

    def images(self, split: str, shape: tuple[int, ...]) -> np.ndarray:
        del split
        return self._images.reshape(-1, *shape)


def model():
    image = keras.Input((24,), name="image")
    code = keras.layers.Dense(16, activation="tanh", name="code")(image)
    small = keras.layers.Dense(4, activation="tanh", name="small")(code)
    return keras.Model(image, keras.layers.Dense(24, name="last")(small))


def kernel(values: np.ndarray) -> Kernel:
    return Kernel(None, "kernel", tf.Variable(values), (-1,))


def masks():
    item = Constrained(kernel(np.array([[3.0, -1, 0.5, 2, -4]], np.float32)), sparse=True)
    found = []
    for share, importance in [(0.2, 1.0), (0.3, np.float32([[0.01, 9, 9, 9, 9]])), (0.1, 1.0)]:
        item.prune(share, importance)
        found.append(item.exact().numpy().tolist()[0])
    return found


def codebooks():
    values = np.linspace(-2.7, 3, 20, dtype=np.float32)
    weights = DRAW.uniform(-2.9, 3.2, (6, 8)).astype(np.float32)
    free = DRAW.random((6, 8)) < 0.8
    book = Codebook(values, free, 127)
    settled = []
    for share in (0.0, 0.5, 1.0):
        book.settle(weights, share)
        answer = book(tf.constant(weights)).numpy()
        settled.append((answer != weights)[free].tolist())
    upstream = DRAW.normal(0, 1, weights.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(book(tf.constant(weights)) * free * upstream)
    gradients = [item.numpy().tolist() for item in tape.gradient(total, book.variables)]
    fixed = []
    for share in (0.5, 1.0):
        book.fix(share)
        book.variables[0].assign_add(np.full(19, 0.004, np.float32))  # what coasting would do
        fixed.append(np.sort(book.values.numpy() / 3 * 127).tolist())
    return {
        "values": values.tolist(),
        "free": free.tolist(),
        "weights": weights.tolist(),
        "settled": settled,
        "answer": answer.tolist(),
        "upstream": upstream.tolist(),
        "gradients": gradients,
        "fixed": fixed,
    }


def curvature_of_one_image():
    """All images are one: each gradient is the gradient."""
    images = Images(1)
    net = keras.Sequential([keras.Input((24,)), keras.layers.Dense(24, use_bias=False)])
    (only,) = [k for k, _ in wanted(net, 1.0, Prune(0.5))]
    (found,) = curvatures(net, [only], images, 0)
    image = images.images("train", (24,))[0].astype(np.float64)
    error = image @ only.variable.numpy() - image
    expected = np.square(np.outer(image, 2 * error / 24))
    return {
        "apart": float(np.abs(found - expected - 1e-4 * expected.mean()).max() / expected.max()),
        "least": float(found.min()),
    }


def pruned(images):
    """Share of zeros by kernel, and among the weights of black pixels."""
    net = model()
    before = [item.numpy().copy() for item in net.weights]
    found = {}
    for criterion in ("saliency", "magnitude"):
        for schedule in ("polynomial", "constant"):
            settings = Prune(
                0.3, "layer", criterion, schedule, 100, 1e-2, {"last": 0.55}, spare_below=0.2
            )
            made = prune(net, images, settings, 0)
            kernels = [made.get_layer(name).kernel.numpy() for name in ("code", "small", "last")]
            zeros = [float(np.mean(item == 0)) for item in kernels]
            found[f"{criterion} {schedule}"] = [*zeros, float(np.mean(kernels[0][16:] == 0))]
    made = prune(net, images, Prune(0.3, "model", steps=100, spare_below=0.15), 0)
    kernels = [made.get_layer(name).kernel.numpy() for name in ("code", "small", "last")]
    found["over all"] = [int(np.sum(item == 0)) for item in kernels]
    after = [item.numpy() for item in net.weights]
    found["untouched"] = all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
    return found


def clustered(images):
    net = model()
    sparse = prune(net, images, Prune(0.5, steps=100), 0)
    found = {}
    for name, source in (("dense", net), ("sparse", sparse), ("float", sparse)):
        settings = Cluster(5, 100, 1e-2, {"code": 20}, spare_below=0.15)
        steps = {"cluster": settings} | ({"prune": Prune(0.5)} if name != "dense" else {})
        form = {"quantization": "int8", "io": "int8"} if name != "float" else {}
        recipe = Recipe("x", steps=tuple(sorted(steps, reverse=True)), **form, **steps)
        made = cluster(source, images, recipe, 0)
        kernels = [made.get_layer(layer).kernel.numpy() for layer in ("code", "small", "last")]
        first = [source.get_layer(layer).kernel.numpy() for layer in ("code", "small", "last")]
        kept = [bool((a[b == 0] == 0).all()) for a, b in zip(kernels, first, strict=True)]
        stored = kernels if name == "float" else [integers(item, 8, None) for item in kernels]
        found[name] = {"values": [len(np.unique(item)) for item in stored], "zeros kept": kept}
    return found


def main():
    keras.utils.set_random_seed(4)
    images = Images(400)
    values = np.array([0, 0, 0, 1, 2, 10], np.float32)
    counts = np.array([1, 1, 1, 1, 3, 1], np.float32)
    found = {
        "masks": masks(),
        "codebooks": codebooks(),
        "curvature": curvature_of_one_image(),
        "pruned": pruned(images),
        "clustered": clustered(images),
        "means": k_means(values, 3, 0, sparse=True, counts=counts).tolist(),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
