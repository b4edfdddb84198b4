"""Chooses the representative dataset: a fixed, recorded choice of training images."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SEED = 0


def choose(
    images: NDArray[np.float32],
    n: int,
    bounds: tuple[float, float] | None,
    headroom: float = 0.0,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Return at most n images, and the record of the choice.

    The images with the largest and the least value come first, because the grid of the inputs must
    include these values. If bounds are given, both are always among the values: if no image reaches
    a bound, the nearest value of the first image is set to it. The scale of pixels in [0, 1] is
    then 1/255 and the zero point −128, so an 8-bit pixel becomes int8 by subtracting 128.

    Args:
        images: (m, …) training images.
        n: number of images.
        bounds: the least and largest value that an image can have; None if they are not known.
        headroom: share by which the images are stretched from their mean, so that ranges leave
            room for rows beyond those of the training.

    Returns:
        (n, …) images; and a dict of `n`, `seed` and `sha256` (of the images' indices as
        little-endian int64), and of `headroom` if it is not 0.
    """
    order = np.random.default_rng(_SEED).permutation(len(images))
    flat = images.reshape(len(images), -1)
    extremes = [int(flat.max(axis=1).argmax()), int(flat.min(axis=1).argmin())]
    chosen = np.array(list(dict.fromkeys([*extremes, *order.tolist()]))[:n], "<i8")
    record: dict[str, Any] = {
        "n": len(chosen),
        "seed": _SEED,
        "sha256": hashlib.sha256(chosen.tobytes()).hexdigest(),
    }
    taken = images[chosen]
    if headroom:
        record["headroom"] = headroom
        mean = taken.mean(axis=0)
        taken = mean + np.float32(1 + headroom) * (taken - mean)
    return taken if bounds is None else _reaching(taken, *bounds), record


def _reaching(images: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    first = images[0].reshape(-1)  # a view of `images`, which is a copy
    if images.max() < high:
        first[first.argmax()] = high
    if images.min() > low:
        first[first.argmin()] = low
    return images
