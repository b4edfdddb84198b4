"""The simple autoencoder: one hidden layer, which is the code, with or without tied weights."""

import math
from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import tf
from edgeae.training.deep import mirrored
from edgeae.training.objective import RECONSTRUCTION, Objective, reconstruction_loss


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → code → width: h = σ(Wx+b), x′ = sigmoid(W′h+b′); tied, W′ is Wᵀ.

    Args:
        shape: shape of one image.
        settings: `code`, `activation` (σ), `loss` and `tied` are used.
    """
    model = mirrored(math.prod(shape), settings, settings.activation)
    return (_Tied if settings.tied else Objective)(model, settings.loss)


class _Tied(Objective):
    """Tied weights: W is trained, and W′ is set to Wᵀ after each step.

    The exported model has two ordinary layers, which every converter and runtime supports.
    """

    def __init__(self, model: Any, loss: str) -> None:
        super().__init__(model, loss)
        self._code, self._last = model.get_layer("code"), model.get_layer("reconstruction")
        self.settle()

    @property
    def trainable(self) -> list[Any]:
        return [self._code.kernel, self._code.bias, self._last.bias]

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        code = self._code(inputs)
        # multiply by W instead of W′, so that W gets the gradients of both of its uses
        product = tf.matmul(code, self._code.kernel, transpose_b=True) + self._last.bias
        output = self._last.activation(product)
        return {RECONSTRUCTION: reconstruction_loss(self._loss, targets, output)}

    def settle(self) -> None:
        self._last.kernel.assign(tf.transpose(self._code.kernel))
