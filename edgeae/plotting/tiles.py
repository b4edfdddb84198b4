"""Arrange images in a grid with gaps."""

import math

import numpy as np
from numpy.typing import NDArray

#: Transparent pixels between two images.
_GAP = 2
_COLOURS = 3


def picture(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return height, width and channels (1, or 3 for colour) of a shape; None if it is no image."""
    sizes = shape[:-1] if shape[-1:] == (_COLOURS,) and len(shape) == 3 else shape
    sizes = tuple(size for size in sizes if size != 1)
    if len(sizes) != 2:
        return None
    return sizes[0], sizes[1], math.prod(shape) // math.prod(sizes)


def squared(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the square shape of a flat image whose size is a square; else the shape itself."""
    side = math.isqrt(math.prod(shape))
    flat = len([size for size in shape if size != 1]) == 1
    return (side, side) if flat and side * side == math.prod(shape) else shape


def tiles(images: NDArray[np.floating], columns: int, low: float, high: float) -> NDArray[np.uint8]:
    """Return a grid of images, uint8 (height, width, channels + alpha); gaps are transparent.

    Args:
        images: (n, height, width, channels).
        columns: images in a row; the last row may have fewer.
        low, high: the values of black and of white; values outside are clipped.
    """
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    level = (np.nan_to_num(images.astype(np.float64)) - low) / ((high - low) or 1.0)
    cells = np.zeros((rows * columns, height + _GAP, width + _GAP, channels + 1), np.uint8)
    cells[:n, :height, :width, :channels] = np.round(np.clip(level, 0, 1) * 255)
    cells[:n, :height, :width, channels] = 255
    laid = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    whole = laid.reshape(rows * cells.shape[1], columns * cells.shape[2], channels + 1)
    return whole[:-_GAP, :-_GAP]
