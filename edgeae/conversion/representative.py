"""The representative dataset: a fixed, recorded choice of training images."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose"]

_SEED = 0


def choose(images: NDArray[np.float32], n: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Choose up to n images and the record of the choice.

    The brightest and the darkest pixel of the dataset are always among them: the input's scale is
    then 1/255 and its zero point −128 for images in [0, 1], so that an 8-bit pixel becomes int8 by
    subtracting 128.

    Args:
        images: (m, …) training images.
        n: how many.

    Returns:
        (n, …) images, and `n`, `seed` and `sha256` (of the images' indices as little-endian int64).
    """
    order = np.random.default_rng(_SEED).permutation(len(images))
    flat = images.reshape(len(images), -1)
    extremes = [int(flat.max(axis=1).argmax()), int(flat.min(axis=1).argmin())]
    chosen = np.array(list(dict.fromkeys([*extremes, *order.tolist()]))[:n], "<i8")
    record = {
        "n": len(chosen),
        "seed": _SEED,
        "sha256": hashlib.sha256(chosen.tobytes()).hexdigest(),
    }
    return images[chosen], record
