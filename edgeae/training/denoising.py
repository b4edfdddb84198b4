"""The denoising autoencoder: it reconstructs the clean image from a corrupted one."""

import math
from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import tf
from edgeae.training.deep import mirrored
from edgeae.training.objective import Objective

#: Added to a step's number, so that the levels are drawn independently of the noise.
_OTHER = 1 << 30


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → code → … hidden → width, trained on corrupted inputs.

    Args:
        shape: shape of one image.
        settings: `hidden`, `code`, `activation`, `loss`, `noise`, `amount` and `seed` are used.
    """
    return _Denoising(mirrored(math.prod(shape), settings), settings)


def corrupt(images: Any, noise: str, amount: float, seed: Any) -> Any:
    """Return corrupted images, (n, …); the same seed gives the same noise.

    Each image's noise level is drawn uniformly from 0 to `amount`, because a model that never saw
    a clean image reconstructs clean images badly.

    Args:
        images: (n, …), in [0, 1].
        noise: `gaussian` adds N(0, σ²); `masking` sets a share of the values to 0;
            `salt-and-pepper` sets a share of the values to 0 or 1 with equal probability.
        amount: the largest standard deviation σ, or the largest share.
        seed: (2,) int32.
    """
    shape = tf.shape(images)
    # one draw per image, broadcast over its values
    one = tf.concat([shape[:1], tf.ones_like(shape[1:])], 0)
    level = amount * tf.random.stateless_uniform(one, seed + tf.constant([0, _OTHER]))
    if noise == "gaussian":
        return images + level * tf.random.stateless_normal(shape, seed)
    chance = tf.random.stateless_uniform(shape, seed)
    if noise == "masking":
        return tf.where(chance < level, 0.0, images)
    hit = tf.where(chance < level / 2, 0.0, 1.0)
    return tf.where(chance < level, hit, images)


class _Denoising(Objective):
    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(model, settings.loss)
        self._settings = settings

    def inputs(self, images: Any, step: Any) -> Any:
        chosen = self._settings
        seed = tf.stack([tf.constant(chosen.seed % 2**31, tf.int32), step])
        return corrupt(images, chosen.noise, chosen.amount, seed)
