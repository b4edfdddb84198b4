"""Which weights come first: those that become zeros, and those that are given a value."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
