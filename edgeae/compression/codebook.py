"""The codebook of a clustered kernel: its few values, and the index of the value of each weight.

The largest value is the kernel's scale. The other values are fractions of the scale that lie on
the steps of the integer grid, so the exported integers have as few distinct values as the kernel.

Weights are assigned to their value in turn, the largest first, while the weights that are still
free adapt: Zhou et al., "Incremental Network Quantization", 2017. If all weights are assigned at
once with a straight-through gradient, weights oscillate between two values. The values are fixed
to grid steps in turn, too: a value that moved from step to step during training would move
thousands of weights at once.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.originals.legacy_keras import tf


def at_least(share: float, size: int) -> int:
    """Return the smallest count that is at least `share` of `size`."""
    # a rounding error in `share * size` must not add a weight
    return math.ceil(share * size - 1e-6)


def lowest(rank: NDArray[Any], number: int) -> NDArray[np.bool_]:
    """Return a mask of `rank`'s shape that is true at its `number` lowest entries."""
    chosen = np.zeros(rank.shape, bool)
    if number > 0:
        chosen.reshape(-1)[np.argpartition(rank, number - 1, axis=None)[:number]] = True
    return chosen


#: The gradient sums over indices as rows and columns: k values need a 16 × ⌈k/16⌉ table.
_COLUMNS = 16


def nearest(weights: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int32]:
    """Return the index of the nearest value for each weight, int32 of the same shape.

    Args:
        weights: weights of any shape.
        values: (k,), in rising order.
    """
    places: NDArray[np.int32] = np.searchsorted((values[1:] + values[:-1]) / 2, weights).astype(
        np.int32
    )
    return places


class Codebook:
    """Trainable values, and the index of the value of each weight.

    Args:
        values: (k,), not all of them 0.
        free: mask of the kernel's shape; true at the weights that get a value from the codebook.
            The other weights are zeros that pruning masks.
        levels: number of grid steps from 0 to the largest value, 127 for int8; the values become
            whole multiples of largest/levels. None for no grid.
    """

    def __init__(
        self, values: NDArray[np.float32], free: NDArray[np.bool_], levels: int | None
    ) -> None:
        largest = int(np.argmax(np.abs(values)))
        scale, self._end = abs(float(values[largest])), float(np.sign(values[largest]))
        inner = np.sort(np.delete(values, largest)) / scale
        self._inner = tf.Variable(inner, dtype=tf.float32)
        # the logarithm keeps the scale positive when the weights shrink towards 0
        self._logarithm = tf.Variable(math.log(scale), dtype=tf.float32)
        self._levels, self._masked = levels, int((~free).sum())
        self._fixed = tf.Variable(tf.zeros(inner.shape), trainable=False)
        # not trainable: the momentum of Adam would move fixed values
        self._steps = tf.Variable(tf.zeros(inner.shape), trainable=False)
        self._places = tf.Variable(tf.zeros(free.shape, tf.int32), trainable=False)
        self._settled = tf.Variable((~free).astype(np.float32), trainable=False)

    @property
    def variables(self) -> list[Any]:
        """The trainable variables: the fractions (k−1,) and the logarithm of the scale."""
        return [self._inner, self._logarithm]

    @property
    def values(self) -> Any:
        """All values, (k,); the largest in magnitude is the last."""
        within = tf.clip_by_value(self._inner, -1.0, 1.0)
        within = self._fixed * self._steps + (1 - self._fixed) * within
        return tf.exp(self._logarithm) * tf.concat([within, [self._end]], 0)

    def __call__(self, weights: Any) -> Any:
        """Return the weights with each assigned weight replaced by its value; same shape."""
        chosen = _choose(self.values, self._places)
        return self._settled * chosen + (1 - self._settled) * weights

    def exact(self, weights: Any) -> Any:
        """Return the same weights without float32 rounding errors: each is exactly its value."""
        return tf.where(self._settled > 0, tf.gather(self.values, self._places), weights)

    def fix(self, share: float) -> None:
        """Fix a share (0 to 1) of the values to their nearest grid step, the largest first."""
        if self._levels is None:
            return
        fixed = self._fixed.numpy() > 0
        within = np.clip(self._inner.numpy(), -1, 1)
        order = np.argsort(np.where(fixed, -np.inf, -np.abs(within)), kind="stable")
        new = np.zeros(len(within), bool)
        new[order[: round(share * len(within))]] = True
        steps = np.round(within * self._levels) / self._levels
        self._steps.assign(np.where(new & ~fixed, steps, self._steps.numpy()))
        self._fixed.assign((fixed | new).astype(np.float32))

    def settle(self, weights: NDArray[np.float32], share: float) -> None:
        """Assign the nearest value to the largest weights until `share` of them have a value.

        Weights that have a value keep it.

        Args:
            weights: the kernel's latent weights.
            share: share of the free weights that have a value afterwards, 0 to 1.
        """
        settled = self._settled.numpy() > 0
        wanted = self._masked + round(share * (weights.size - self._masked))
        more = wanted - int(settled.sum())
        if more <= 0:
            return
        sizes = np.where(settled, -1.0, np.abs(weights))
        new = lowest(-sizes, more)
        values = self.values.numpy()
        order = np.argsort(values, kind="stable")  # training may have changed the order
        places = order[nearest(weights, values[order])]
        self._places.assign(np.where(new, places, self._places.numpy()))
        self._settled.assign((settled | new).astype(np.float32))


def _choose(values: Any, places: Any) -> Any:
    """Return the value at each index; the gradient is computed in a way that is fast on a CPU."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def choose(given: Any) -> tuple[Any, Any]:
        rows = -(-given.shape[0] // _COLUMNS)

        def gradient(upstream: Any) -> Any:
            # the gradient of a value is the sum over its weights; as a matrix product this takes
            # a hundredth of the time of a scatter
            flat = tf.reshape(places, (-1,))
            left = tf.one_hot(flat // _COLUMNS, rows) * tf.reshape(upstream, (-1, 1))
            sums = tf.matmul(left, tf.one_hot(flat % _COLUMNS, _COLUMNS), transpose_a=True)
            return tf.reshape(sums, (-1,))[: given.shape[0]]

        return tf.gather(given, places), gradient

    return choose(values)
