"""What the kernels of an export must keep, as functions of weights that can be trained.

Each step of a recipe trains *latent* weights; what the model computes with, and what is exported,
are the *effective* ones: with the zeros of a pruning, the few values of a clustering, on the grid
of a quantization. So nothing that an earlier step reached can be lost in a later one. Gradients
pass the rounding to a grid as if it were not there: Bengio et al., "Estimating or Propagating
Gradients Through Stochastic Neurons", 2013, the straight-through estimator.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.codebook import Codebook, at_least, lowest
from edgeae.compression.kernels import Kernel
from edgeae.originals.legacy_keras import tf


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
    scale = scales(values, others) / grid_levels(bits)
    return (integers(values, bits, others) * scale).astype(np.float32)


def integers(values: NDArray[Any], bits: int, others: tuple[int, ...] | None) -> NDArray[Any]:
    """Return the steps of that grid which weights are next to, as floats; arguments as above."""
    steps: NDArray[Any] = np.round(values / (scales(values, others) / grid_levels(bits)))
    return steps


def scales(values: NDArray[Any], others: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Return the largest magnitude of each channel, or 1 where all are 0; of the same rank.

    Args:
        values: float weights.
        others: the axes that share a scale; None for all of them.
    """
    most: NDArray[np.float32] = np.abs(values).max(axis=others, keepdims=True)
    return np.where(most > 0, most, np.float32(1))


class Constrained:
    """One kernel's latent weights, and how the effective ones follow.

    Args:
        kernel: whose variable is the latent weights.
        sparse: whether its zeros stay zeros, and more may come, see `prune`.
        values: the k values of a clustering, among them 0 if `sparse`; None without one. No weight
            has one of them before `settle`.
        bits: of the grid that it must lie on, or None.
        per_channel: one scale per output channel, or one for all; values have one for all.
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
        """What is trained beside the latent weights."""
        return [] if self._codebook is None else self._codebook.variables

    def prune(self, share: float, importance: NDArray[np.float32] | float) -> None:
        """Let weights become zeros: those that are, and then the least important.

        Args:
            share: of all of them, 0 to 1; at least so many are zeros.
            importance: what a weight's magnitude is multiplied with; of the kernel's shape, or 1.
        """
        assert self._mask is not None
        kept = self._mask.numpy() > 0
        weights = self.kernel.variable.numpy()
        number = at_least(share, weights.size)
        if number > (~kept).sum():
            rank = np.where(kept, np.abs(weights) * importance, -1.0)
            self._mask.assign((~lowest(rank, number)).astype(np.float32))

    def settle(self, share: float) -> None:
        """Give so many of the weights the value next to them, 0 to 1; see `Codebook`."""
        if self._codebook is not None:
            self._codebook.settle(self.kernel.variable.numpy(), share)

    def fix(self, share: float) -> None:
        """Put so many of the values on the grid for good, 0 to 1; see `Codebook`."""
        if self._codebook is not None:
            self._codebook.fix(share)

    def effective(self) -> Any:
        """Return what training computes with: a tensor of the kernel's shape, with gradients."""
        weights = self.kernel.variable + 0.0
        if self._codebook is not None:
            weights = self._codebook(weights)
        if self._mask is not None:
            weights *= self._mask
        if self._rounds:
            weights += tf.stop_gradient(self._rounded(weights) - weights)
        return weights

    def exact(self) -> Any:
        """Return the same without a rounding error of float32: what is exported."""
        weights = self.kernel.variable + 0.0
        if self._codebook is not None:
            weights = self._codebook.exact(weights)
        if self._mask is not None:
            weights *= self._mask
        weights = self._rounded(weights) if self._rounds else weights
        return weights + 0.0  # -0.0 would be one more value

    @property
    def _rounds(self) -> bool:
        return self._bits is not None and self._codebook is None  # whose values lie on the grid

    def _rounded(self, weights: Any) -> Any:
        assert self._bits is not None
        most = tf.reduce_max(tf.abs(weights), axis=self._others, keepdims=True)
        scale = tf.where(most > 0, most, tf.ones_like(most)) / float(grid_levels(self._bits))
        return tf.round(weights / scale) * scale
