"""What the kernels of an export must keep, as functions of weights that can be trained.

Each step of a recipe trains *latent* weights; what the model computes with, and what is exported,
are the *effective* ones: with the zeros of a pruning, the few values of a clustering, on the grid
of a quantization. So nothing that an earlier step reached can be lost in a later one. Gradients
pass a rounding as if it were not there: Bengio et al., "Estimating or Propagating Gradients
Through Stochastic Neurons", 2013, the straight-through estimator.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.kernels import Kernel
from edgeae.legacy_keras import tf

__all__ = ["Constrained", "grid_levels", "on_grid"]


def grid_levels(bits: int) -> int:
    """Return the largest integer of a symmetric grid: 127 of int8, 7 of int4.

    The least is its negative, as TFLite has it: https://ai.google.dev/edge/litert/conversion/
    tensorflow/quantization/quantization_spec.
    """
    return int(2 ** (bits - 1) - 1)


def on_grid(values: NDArray[Any], bits: int, others: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Round weights to the symmetric grid that a converter will choose for them.

    Args:
        values: float weights.
        bits: of the integers.
        others: the axes that share a scale; None for all of them.
    """
    levels = grid_levels(bits)
    most = np.abs(values).max(axis=others, keepdims=True)
    scale = np.where(most > 0, most, 1.0) / levels
    rounded: NDArray[np.float32] = (np.round(values / scale) * scale).astype(np.float32)
    return rounded


class Constrained:
    """One kernel's latent weights, and how the effective ones follow.

    Args:
        kernel: whose variable is the latent weights.
        sparse: whether its zeros stay zeros.
        values: the k values of a clustering, among them 0 if `sparse`; None without one.
        bits: of the grid that it must lie on, or None.
        per_channel: one scale per output channel, or one for all.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        sparse: bool = False,
        values: NDArray[np.float32] | None = None,
        bits: int | None = None,
        per_channel: bool = True,
    ) -> None:
        self.kernel = kernel
        self._mask = None
        if sparse:
            self._mask = tf.constant(kernel.variable.numpy() != 0, tf.float32)
            values = None if values is None else values[values != 0]
        self.centroids = None
        if values is not None and len(values):
            self.centroids = tf.Variable(np.sort(values), dtype=tf.float32)
        self._bits = bits
        self._others = kernel.others if per_channel else None

    def effective(self) -> Any:
        """Return what training computes with: a tensor of the kernel's shape, with gradients."""
        return self._effective(lambda new, old: new + old - tf.stop_gradient(old))

    def exact(self) -> Any:
        """Return the same without a rounding error of float32: what is exported."""
        return self._effective(lambda new, old: new)

    def _effective(self, passing: Callable[[Any, Any], Any]) -> Any:
        weights = self.kernel.variable + 0.0
        if self.centroids is not None:
            # the gradient reaches the values and, past the choice, the weights, as in tfmot
            weights = passing(self._nearest(weights), weights)
        if self._mask is not None:
            weights *= self._mask
        if self._bits is not None:
            weights = passing(tf.stop_gradient(self._rounded(weights, self._bits)), weights)
        return weights

    def _nearest(self, weights: Any) -> Any:
        values = tf.sort(self.centroids)
        middles = (values[1:] + values[:-1]) / 2
        places = tf.searchsorted(middles, tf.reshape(weights, (-1,)))
        return tf.reshape(tf.gather(values, places), weights.shape)

    def _rounded(self, weights: Any, bits: int) -> Any:
        most = tf.reduce_max(tf.abs(weights), axis=self._others, keepdims=True)
        scale = tf.where(most > 0, most, tf.ones_like(most)) / float(grid_levels(bits))
        return tf.round(weights / scale) * scale
