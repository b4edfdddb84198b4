"""The few values of a clustered kernel, and which of them each weight has.

The largest value stands for the kernel's scale, and the others are shares of it, on the steps of
the integers that it will be: an export's integers are then as few.

Weights are given their value one after the other, the largest first, while those still free learn
to make up for it: Zhou et al., "Incremental Network Quantization", 2017. Moving all at once, and
letting the gradient jump over the choice, ends in weights that swing between two values. Nor do
values jump from step to step of the grid, which thousands of weights would do at once: each in turn
is put on its step for good, and the rest learns to make up for that, too.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.originals.legacy_keras import tf


def at_least(share: float, size: int) -> int:
    """Return the fewest of so many that are that share of them."""
    # less than a rounding error of the share is no weight
    return math.ceil(share * size - 1e-6)


def lowest(rank: NDArray[Any], number: int) -> NDArray[np.bool_]:
    """Tell which entries are the so many lowest ones; of `rank`'s shape."""
    found = np.zeros(rank.shape, bool)
    if number > 0:
        found.reshape(-1)[np.argpartition(rank, number - 1, axis=None)[:number]] = True
    return found


#: Places are summed over as rows and columns: k values are no more than 16 × ⌈k/16⌉ columns.
_COLUMNS = 16


def nearest(weights: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int32]:
    """Return for each weight the place of the value next to it, of the same shape.

    Args:
        weights: of any shape.
        values: (k,), in rising order.
    """
    places: NDArray[np.int32] = np.searchsorted((values[1:] + values[:-1]) / 2, weights).astype(
        np.int32
    )
    return places


class Codebook:
    """The values, as variables that are trained, and who has which.

    Args:
        values: (k,), not all of them 0.
        free: which weights of the kernel are to have one, of its shape; the rest is masked.
        levels: values are whole multiples of the largest one's 1/levels, 127 of int8; None: any.
    """

    def __init__(
        self, values: NDArray[np.float32], free: NDArray[np.bool_], levels: int | None
    ) -> None:
        largest = int(np.argmax(np.abs(values)))
        scale, self._end = abs(float(values[largest])), float(np.sign(values[largest]))
        inner = np.sort(np.delete(values, largest)) / scale
        self._inner = tf.Variable(inner, dtype=tf.float32)
        # a scale goes to 0 where weights do, and must not come out on the other side
        self._logarithm = tf.Variable(math.log(scale), dtype=tf.float32)
        self._levels, self._masked = levels, int((~free).sum())
        self._fixed = tf.Variable(tf.zeros(inner.shape), trainable=False)
        self._steps = tf.Variable(tf.zeros(inner.shape), trainable=False)  # Adam would coast on
        self._places = tf.Variable(tf.zeros(free.shape, tf.int32), trainable=False)
        self._settled = tf.Variable((~free).astype(np.float32), trainable=False)

    @property
    def variables(self) -> list[Any]:
        """What is trained: the shares (k−1,), and the logarithm of the scale."""
        return [self._inner, self._logarithm]

    @property
    def values(self) -> Any:
        """All values, (k,); the largest is the last."""
        within = tf.clip_by_value(self._inner, -1.0, 1.0)
        within = self._fixed * self._steps + (1 - self._fixed) * within
        return tf.exp(self._logarithm) * tf.concat([within, [self._end]], 0)

    def __call__(self, weights: Any) -> Any:
        """Replace the weights that have their value by it; a tensor of the same shape."""
        chosen = _choose(self.values, self._places)
        return self._settled * chosen + (1 - self._settled) * weights

    def exact(self, weights: Any) -> Any:
        """Return the same without a rounding error of float32."""
        return tf.where(self._settled > 0, tf.gather(self.values, self._places), weights)

    def fix(self, share: float) -> None:
        """Put so many of the values on their steps for good, 0 to 1: the largest first."""
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
        """Give so many weights the value next to them: those that have one, and then the largest.

        Args:
            weights: the kernel's.
            share: of all that are to have one, 0 to 1.
        """
        settled = self._settled.numpy() > 0
        wanted = self._masked + round(share * (weights.size - self._masked))
        more = wanted - int(settled.sum())
        if more <= 0:
            return
        sizes = np.where(settled, -1.0, np.abs(weights))
        new = lowest(-sizes, more)
        values = self.values.numpy()
        order = np.argsort(values, kind="stable")  # training may have led one past another
        places = order[nearest(weights, values[order])]
        self._places.assign(np.where(new, places, self._places.numpy()))
        self._settled.assign((settled | new).astype(np.float32))


def _choose(values: Any, places: Any) -> Any:
    """Return the value at each place; with a gradient that is fast on a CPU."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def choose(given: Any) -> tuple[Any, Any]:
        rows = -(-given.shape[0] // _COLUMNS)

        def gradient(upstream: Any) -> Any:
            # for each value the sum over its weights; scattering takes a hundred times as long
            flat = tf.reshape(places, (-1,))
            left = tf.one_hot(flat // _COLUMNS, rows) * tf.reshape(upstream, (-1, 1))
            sums = tf.matmul(left, tf.one_hot(flat % _COLUMNS, _COLUMNS), transpose_a=True)
            return tf.reshape(sums, (-1,))[: given.shape[0]]

        return tf.gather(given, places), gradient

    return choose(values)
