"""The contractive autoencoder: the Frobenius norm of the encoder's Jacobian is penalised.

S. Rifai et al., "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction",
ICML 2011.
"""

import math
from collections.abc import Sequence
from typing import Any

from edgeae.families.settings import Settings
from edgeae.originals.legacy_keras import tf
from edgeae.training.deep import mirrored
from edgeae.training.objective import RECONSTRUCTION, Objective, reconstruction_loss

#: The norm is computed on one image in `_PART` of each batch. The estimate is still unbiased, and
#: the Jacobians of a whole batch would cost several times the rest of the step.
_PART = 4
#: Activation σ → σ′ as a function of σ's value.
_SLOPES = {
    "linear": tf.ones_like,
    "relu": lambda value: tf.cast(value > 0, value.dtype),
    "relu6": lambda value: tf.cast((value > 0) & (value < 6), value.dtype),
    "sigmoid": lambda value: value * (1 - value),
    "tanh": lambda value: 1 - tf.square(value),
}


def build(shape: tuple[int, ...], settings: Settings) -> Objective:
    """Build width → hidden … → code → … hidden → width; the code is a sigmoid, as in the paper.

    Args:
        shape: shape of one image.
        settings: `hidden`, `code`, `activation`, `loss` and `weight` are used.
    """
    return _Contractive(mirrored(math.prod(shape), settings, "sigmoid"), settings)


def jacobian_norm(kernels: Sequence[Any], values: Sequence[Any], activations: Sequence[str]) -> Any:
    """Return the mean over images of ‖∂h/∂x‖²_F of a stack of Dense layers, computed exactly.

    J = Dₗ Wₗᵀ … D₁ W₁ᵀ, where D is the diagonal matrix of the slopes. The product starts at the
    code, and the widest factor, W₁, is not multiplied: ‖A W₁ᵀ‖²_F = Σ (A W₁ᵀW₁) ∘ A.

    Args:
        kernels: each layer's kernel, (in, out), in the order of the layers.
        values: each layer's output, (n, out).
        activations: each layer's activation, by name.
    """
    slopes = [_SLOPES[name](value) for name, value in zip(activations, values, strict=True)]
    product = tf.linalg.diag(slopes[-1])  # (n, code, code)
    for kernel, slope in zip(reversed(kernels[1:]), reversed(slopes[:-1]), strict=True):
        product = _rows_times(product, tf.transpose(kernel)) * slope[:, None, :]
    gram = tf.matmul(kernels[0], kernels[0], transpose_a=True)
    squares = tf.reduce_sum(_rows_times(product, gram) * product, axis=(1, 2))
    return tf.reduce_mean(squares)


def _rows_times(rows: Any, matrix: Any) -> Any:
    """Multiply (n, m, a) by (a, b) → (n, m, b) as one matrix product; a batched one is slower."""
    flat = tf.matmul(tf.reshape(rows, (-1, matrix.shape[0])), matrix)
    return tf.reshape(flat, (-1, rows.shape[1], matrix.shape[1]))


class _Contractive(Objective):
    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(model, settings.loss)
        self._weight = settings.weight
        names = [layer.name for layer in model.layers]
        self._encoder = model.layers[1 : names.index("code") + 1]
        self._decoder = model.layers[names.index("code") + 1 :]

    def terms(self, inputs: Any, targets: Any, step: Any) -> dict[str, Any]:
        values = [inputs]
        for layer in self._encoder:
            values.append(layer(values[-1]))
        output = values[-1]
        for layer in self._decoder:
            output = layer(output)
        some = tf.maximum(1, tf.shape(inputs)[0] // _PART)
        norm = jacobian_norm(
            [layer.kernel for layer in self._encoder],
            [value[:some] for value in values[1:]],
            [layer.get_config()["activation"] for layer in self._encoder],
        )
        return {
            RECONSTRUCTION: reconstruction_loss(self._loss, targets, output),
            "jacobian": self._weight * norm,
        }
