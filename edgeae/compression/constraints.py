"""Constraints on kernels (sparsity, clusters, a grid) as functions of trainable weights.

Each step of a recipe trains *latent* weights. The model computes with *effective* weights, and
these are exported: they have the zeros of pruning, the values of clustering, and lie on the grid
of quantization. A later step therefore cannot undo what an earlier step reached. Rounding to the
grid uses the straight-through estimator: Bengio et al., "Estimating or Propagating Gradients
Through Stochastic Neurons", 2013.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.codebook import Codebook, at_least, lowest
from edgeae.compression.kernels import Kernel
from edgeae.originals.legacy_keras import tf


def grid_levels(bits: int) -> int:
    """Return the largest integer of a symmetric grid: 127 for int8, 7 for int4.

    The smallest integer is its negative, as in TFLite:
    https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec.
    """
    return int(2 ** (bits - 1) - 1)


def on_grid(values: NDArray[Any], bits: int, others: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Return the weights rounded to the symmetric grid that a converter will choose for them.

    Args:
        values: float weights.
        bits: width of the integers.
        others: the axes that share a scale; None for all of them.
    """
    scale = scales(values, others) / grid_levels(bits)
    return (integers(values, bits, others) * scale).astype(np.float32)


def integers(values: NDArray[Any], bits: int, others: tuple[int, ...] | None) -> NDArray[Any]:
    """Return the integers of the nearest grid steps, as floats; arguments as of `on_grid`."""
    steps: NDArray[Any] = np.round(values / (scales(values, others) / grid_levels(bits)))
    return steps


def scales(values: NDArray[Any], others: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Return the largest magnitude of each channel, or 1 if the channel is 0; of the same rank.

    Args:
        values: float weights.
        others: the axes that share a scale; None for all of them.
    """
    most: NDArray[np.float32] = np.abs(values).max(axis=others, keepdims=True)
    return np.where(most > 0, most, np.float32(1))


class Constrained:
    """A kernel under constraints: computes effective weights from its latent weights.

    Args:
        kernel: its variable holds the latent weights.
        sparse: zeros stay zeros, and `prune` may add more.
        values: the k values of a clustering, including 0 if `sparse`; None for no clustering.
            `settle` assigns them to the weights.
        bits: integer width of the grid; None for no grid.
        per_channel: one scale per output channel instead of one for the kernel. Clustered values
            always have one scale for the kernel.
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
        weights = kernel.variable.numpy()
        self._mask = None
        free = np.ones(weights.shape, bool)
        if sparse:
            free = weights != 0
            self._mask = tf.Variable(free.astype(np.float32), trainable=False)
        self._bits = bits
        self._others = kernel.others if per_channel else None
        self._codebook = None
        if values is not None and values.any():
            values = values[values != 0] if sparse else values
            levels = None if bits is None else grid_levels(bits)
            self._codebook = Codebook(values, free, levels)

    @property
    def variables(self) -> list[Any]:
        """The trainable variables beside the latent weights."""
        return [] if self._codebook is None else self._codebook.variables

    def prune(self, share: float, importance: NDArray[np.float32] | float) -> None:
        """Mask the least important weights until `share` of the kernel is zero.

        Zeros stay zeros.

        Args:
            share: smallest share of zeros afterwards, 0 to 1.
            importance: factor on each weight's magnitude; of the kernel's shape, or 1.
        """
        assert self._mask is not None
        kept = self._mask.numpy() > 0
        weights = self.kernel.variable.numpy()
        number = at_least(share, weights.size)
        if number > (~kept).sum():
            rank = np.where(kept, np.abs(weights) * importance, -1.0)
            self._mask.assign((~lowest(rank, number)).astype(np.float32))

    def settle(self, share: float) -> None:
        """Assign the nearest value to a share (0 to 1) of the weights; see `Codebook.settle`."""
        if self._codebook is not None:
            self._codebook.settle(self.kernel.variable.numpy(), share)

    def fix(self, share: float) -> None:
        """Fix a share (0 to 1) of the values to the grid; see `Codebook.fix`."""
        if self._codebook is not None:
            self._codebook.fix(share)

    def effective(self) -> Any:
        """Return the weights that training computes with: a differentiable tensor."""
        weights = self.kernel.variable + 0.0
        if self._codebook is not None:
            weights = self._codebook(weights)
        if self._mask is not None:
            weights *= self._mask
        if self._rounds:
            weights += tf.stop_gradient(self._rounded(weights) - weights)
        return weights

    def exact(self) -> Any:
        """Return the exported weights: the effective ones without float32 rounding errors."""
        weights = self.kernel.variable + 0.0
        if self._codebook is not None:
            weights = self._codebook.exact(weights)
        if self._mask is not None:
            weights *= self._mask
        weights = self._rounded(weights) if self._rounds else weights
        return weights + 0.0  # turns -0.0 into 0.0: -0.0 would count as one more value

    @property
    def _rounds(self) -> bool:
        return self._bits is not None and self._codebook is None  # a codebook is on the grid

    def _rounded(self, weights: Any) -> Any:
        assert self._bits is not None
        most = tf.reduce_max(tf.abs(weights), axis=self._others, keepdims=True)
        scale = tf.where(most > 0, most, tf.ones_like(most)) / float(grid_levels(self._bits))
        return tf.round(weights / scale) * scale
