"""Weights with zeros and few values."""

import numpy as np


def values(rng: np.random.Generator, given: np.ndarray) -> np.ndarray:
    """Weights like the given ones; some are 0, and the others may have few values.

    Whole rows and columns may be 0, too, as may be all of it.
    """
    count = int(rng.choice([1, 2, 3, 7, 15, 16, 40, 127, 255, 1000]))
    found = given
    if count < 1000:
        book = rng.choice(given.reshape(-1), count)
        found = rng.choice(book, given.shape)
    share = rng.choice([0, 0.3, 0.6, 0.8, 0.95, 1])
    zero = rng.random(given.shape) < share
    if rng.random() < 0.3:
        zero[..., -1:] = True
    if rng.random() < 0.3:
        zero[: len(given) // 2] = True
    return np.where(zero, given.dtype.type(0), found)
