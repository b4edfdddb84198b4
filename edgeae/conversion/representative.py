"""The representative dataset: a fixed, recorded choice of training images."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose"]

_SEED = 0


def choose(images: NDArray[np.float32], n: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Choose up to n images and the record of the choice.

    Black and white are always among their pixels: the input's scale is then 1/255 and its zero
    point −128, so that an 8-bit pixel becomes int8 by subtracting 128. Where no image of the
    dataset reaches 0 or 1, the darkest or brightest pixel of the first one is moved there.

    Args:
        images: (m, …) training images in [0, 1].
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
    return _reaching_the_ends(images[chosen]), record


def _reaching_the_ends(images: NDArray[np.float32]) -> NDArray[np.float32]:
    first = images[0].reshape(-1)  # a view: `images` is a copy already
    if images.max() < 1:
        first[first.argmax()] = 1
    if images.min() > 0:
        first[first.argmin()] = 0
    return images
