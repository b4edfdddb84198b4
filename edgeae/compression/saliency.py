"""Saliency: how much each weight affects the loss. Pruning and clustering use it.

Near a trained model the loss changes by about Δ = ½ Σ hᵢ δᵢ², where h is the diagonal of its
Hessian, so removing a weight wᵢ adds hᵢwᵢ²/2: LeCun, Denker and Solla, "Optimal Brain Damage",
1990. The mean square of the gradient, which is the diagonal of the empirical Fisher matrix,
approximates h: Theis et al., "Faster gaze prediction with dense networks and Fisher pruning", 2018.
Magnitude is not enough: the weights of pixels that are always black keep their initial values,
which are as large as those of other weights.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.kernels import Kernel
from edgeae.data import Dataset
from edgeae.originals.legacy_keras import tf
from edgeae.training.objective import reconstruction_loss

#: Batches are small: the gradient of a large batch is close to the mean gradient, which is about 0.
_BATCH = 8
_BATCHES = 500
#: Share of the mean curvature that is added to each, so that no curvature is 0: a weight that made
#: no difference on these images may make one on others.
_LEAST = 1e-4


def curvatures(
    model: Any, kernels: Sequence[Kernel], dataset: Dataset, seed: int
) -> list[NDArray[np.float32]]:
    """Return the mean square of the loss's gradient with respect to each weight, always above 0.

    Args:
        model: flat Keras model, image → reconstruction.
        kernels: kernels of that model.
        dataset: its training images are used.
        seed: seed for the choice of images.

    Returns:
        One float32 array per kernel, of the kernel's shape.
    """
    images = tf.constant(dataset.images("train", tuple(model.input_shape[1:])))
    variables = [kernel.variable for kernel in kernels]
    sums = [tf.Variable(tf.zeros_like(item)) for item in variables]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def add(chosen: Any) -> None:
        inputs = tf.gather(images, chosen)
        with tf.GradientTape() as tape:
            loss = reconstruction_loss("mse", inputs, model(inputs, training=False))
        for total, gradient in zip(sums, tape.gradient(loss, variables), strict=True):
            total.assign_add(tf.square(gradient))

    chance = np.random.default_rng(seed)
    for _ in range(_BATCHES):
        add(tf.constant(chance.integers(0, len(images), _BATCH)))
    means = [item.numpy() / _BATCHES for item in sums]
    return [item + max(_LEAST * float(item.mean()), np.finfo(np.float32).tiny) for item in means]
