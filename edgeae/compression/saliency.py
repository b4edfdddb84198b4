"""How much each weight matters: what pruning spares, and clusters lie close to.

The loss around a trained model is nearly Δ = ½ Σ hᵢ δᵢ², with h the diagonal of its second
derivative, so that taking a weight wᵢ away costs hᵢwᵢ²/2: LeCun, Denker and Solla, "Optimal Brain
Damage", 1990. For h stands the mean square of the gradient, the diagonal of the empirical Fisher
matrix, as in Theis et al., "Faster gaze prediction with dense networks and Fisher pruning", 2018.
Magnitudes alone mislead: weights of pixels that are always black never moved from where they were
drawn, and are as large as any.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.kernels import Kernel
from edgeae.data import Dataset
from edgeae.originals.legacy_keras import tf
from edgeae.training.objective import reconstruction_loss

#: Few images a batch: the mean over many would leave little but the mean gradient, which is 0.
_BATCH = 8
_BATCHES = 500
#: Of the mean curvature, added to each: a weight that made no difference yet might.
_LEAST = 1e-4


def curvatures(
    model: Any, kernels: Sequence[Kernel], dataset: Dataset, seed: int
) -> list[NDArray[np.float32]]:
    """Return the mean square of the loss's gradient by each weight of each kernel, all above 0.

    Args:
        model: flat Keras model, image → reconstruction.
        kernels: of that model.
        dataset: its training images are used.
        seed: of their choice.
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
    found = [item.numpy() / _BATCHES for item in sums]
    return [item + max(_LEAST * float(item.mean()), np.finfo(np.float32).tiny) for item in found]
