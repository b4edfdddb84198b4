"""Sparse and overcomplete autoencoders: a penalty on the code's activations.

Without a penalty, a model whose code is at least as wide as the image learns to copy its input.
With a penalty, few values of the code are active for each image, and each value learns a feature.
"""

import math
from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras, tf
from edgeae.training.deep import mirrored
from edgeae.training.objective import RECONSTRUCTION, Objective, reconstruction_loss

#: Mean activations are clipped by this, because the divergence of exactly 0 or 1 is infinite.
_CLIP = 1e-6


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → code → … hidden → width with a penalty on the code.

    The code's activation is a sigmoid with `kl`, which needs probabilities. Otherwise it is ReLU in
    a model with hidden layers, and `activation` in a model without hidden layers.

    Args:
        shape: shape of one image.
        settings: `hidden`, `code`, `activation`, `loss`, `penalty`, `weight` and `rho` are used.
    """
    activation = "relu" if settings.widths else settings.activation
    if settings.penalty == "kl":
        activation = "sigmoid"
    model = mirrored(math.prod(shape), settings, activation)
    if settings.penalty == "none":
        return Objective(model, settings.loss)
    return _Sparse(model, settings)


def kl_sparsity(activations: Any, rho: float) -> Any:
    """Return Σⱼ KL(ρ ‖ ρ̂ⱼ) in nats, ρ̂ⱼ the mean of activation j over the batch (n, code).

    KL is the divergence between Bernoulli variables: A. Ng, CS294A Lecture notes, "Sparse
    autoencoder", section 3.
    """
    mean = tf.clip_by_value(tf.reduce_mean(activations, axis=0), _CLIP, 1 - _CLIP)
    on = rho * tf.math.log(rho / mean)
    off = (1 - rho) * tf.math.log((1 - rho) / (1 - mean))
    return tf.reduce_sum(on + off)


class _Sparse(Objective):
    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(model, settings.loss)
        self._settings = settings
        code = model.get_layer("code").output
        self._ends = keras.Model(model.input, [code, model.output])

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        code, output = self._ends(inputs, training=True)
        return {
            RECONSTRUCTION: reconstruction_loss(self._loss, targets, output),
            self._settings.penalty: self._settings.weight * self._penalty(code),
        }

    def _penalty(self, code: Any) -> Any:
        if self._settings.penalty == "kl":
            return kl_sparsity(code, self._settings.rho)
        return tf.reduce_mean(tf.abs(code))
