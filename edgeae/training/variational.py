"""The variational autoencoder: a Gaussian code that new images can be sampled from.

D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", 2013; β of I. Higgins et al., 2017.
The exported model's code is the mean, so that its graph has no random operator.
"""

import math
from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import keras, tf
from edgeae.training.deep import mirrored
from edgeae.training.objective import RECONSTRUCTION, Objective, reconstruction_loss


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → mean → … hidden → width; the layer `code` is the mean.

    Args:
        shape: shape of one image.
        settings: `hidden`, `code`, `activation`, `loss`, `beta` and `seed` are used.
    """
    return _Variational(mirrored(math.prod(shape), settings), settings)


def gaussian_kl(mean: Any, log_variance: Any) -> Any:
    """Return the mean over images of KL(N(mean, variance) ‖ N(0, I)) in nats.

    Source: Kingma and Welling, appendix B.

    Args:
        mean, log_variance: (n, code).
    """
    terms = 1 + log_variance - tf.square(mean) - tf.exp(log_variance)
    return -0.5 * tf.reduce_mean(tf.reduce_sum(terms, axis=1))


class _Variational(Objective):
    """The variational objective.

    Both terms are divided by the image's number of values, so that β does not depend on it.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(model, settings.loss)
        self._settings = settings
        names = [layer.name for layer in model.layers]
        before = model.layers[names.index("code") - 1].output
        self._log_variance = keras.layers.Dense(settings.code, name="log_variance")
        spread = self._log_variance(before)
        self._encoder = keras.Model(model.input, [model.get_layer("code").output, spread])
        self._decoder = model.layers[names.index("code") + 1 :]

    @property
    def extras(self) -> list[Any]:
        return list(self._log_variance.variables)

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        mean, log_variance = self._encoder(inputs, training=True)
        seed = tf.stack([tf.constant(self._settings.seed % 2**31, tf.int32), step])
        chance = tf.random.stateless_normal(tf.shape(mean), seed)
        output = mean + tf.exp(0.5 * log_variance) * chance
        for layer in self._decoder:
            output = layer(output)
        share = self._settings.beta / self.model.output_shape[-1]
        return {
            RECONSTRUCTION: reconstruction_loss(self._loss, targets, output),
            "kl": share * gaussian_kl(mean, log_variance),
        }
