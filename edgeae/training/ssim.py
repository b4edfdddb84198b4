"""Structural similarity of images (SSIM).

Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image Quality Assessment: From Error
Visibility to Structural Similarity", IEEE Transactions on Image Processing 13(4), 2004.

The window is applied to columns, then to rows. `tf.image.ssim` does not separate its window; it
takes six times as long for the same values.
"""

import math

import numpy as np
from numpy.typing import NDArray

#: The paper's window and constants.
_WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
#: Ranks of pictures: height and width, with or without channels.
_RANKS = (2, 3)


def is_picture(shape: tuple[int, ...]) -> bool:
    """Return whether SSIM's window fits into images of this shape, (height, width[, channels])."""
    return len(shape) in _RANKS and min(shape[:2]) >= _WINDOW


def ssim(
    first: NDArray[np.floating], second: NDArray[np.floating], peak: float
) -> NDArray[np.float64]:
    """Return each pair's structural similarity: its mean over windows and channels, (n,).

    Args:
        first, second: images (n, height, width[, channels]) of at least 11 × 11 pixels.
        peak: the greatest minus the least value that a pixel can have.
    """
    n, height, width = first.shape[:3]
    x, y = (
        images.astype(np.float64).reshape(n, height, width, math.prod(first.shape[3:]))
        for images in (first, second)
    )
    down, across = _filter(height), _filter(width)

    def local(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted means over every window inside the image."""
        blurred = np.tensordot(values, down, (1, 1))  # (n, width, channels, rows)
        return np.tensordot(blurred, across, (1, 1))  # (n, channels, rows, columns)

    mean_x, mean_y = local(x), local(y)
    product = mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    covariance = local(x * y) - product
    variances = local(x**2 + y**2) - squares
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    alike = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return np.asarray(alike.mean(axis=(1, 2, 3)), np.float64)


def _filter(size: int) -> NDArray[np.float64]:
    """Return the Gaussian window at each position along a side, as a matrix (positions, size)."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    matrix = np.zeros((size - _WINDOW + 1, size))
    for place in range(len(matrix)):
        matrix[place, place : place + _WINDOW] = weights / weights.sum()
    return matrix
