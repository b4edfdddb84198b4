"""Figures of a model beside its references: PCA, and the mean of the training images."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edgeae.training.linear import pca
from edgeae.training.ssim import is_picture, ssim

Images = NDArray[np.floating]
#: Images processed together: of 784 values in float64, with SSIM's blurred copies, 40 MB.
_CHUNK = 500
#: Seed of the permutation that shuffles an image's values.
_SEED = 0


def yardsticks(
    train: Images,
    test: Images,
    reconstruction: Images,
    code_size: int,
    shape: tuple[int, ...],
    peak: float,
    reconstruct: Callable[[Images], Images] | None = None,
) -> dict[str, dict[str, float | None]]:
    """Return the figures of a model, of PCA and of the mean image on the test images.

    `shuffled` is the MSE on test images whose values are all permuted in the same way. It is far
    larger than `mse` for a model of the data, but not for a model that only copies its input.

    Args:
        train: (n, …) the training images, to which PCA and the mean are fitted.
        test: (m, …) the test images.
        reconstruction: (m, …) the model's reconstructions of `test`.
        code_size: number of values of the code, and of PCA's components.
        shape: shape of one image: (height, width[, channels]), or of a vector.
        peak: the greatest minus the least value that a pixel can have.
        reconstruct: the model as a function of images like `test`; None leaves `shuffled` out.

    Returns:
        `model`, `pca` and `mean` → `mse`; `psnr` in dB, None if the MSE is 0; `ssim`, None if the
        rows are no pictures or smaller than SSIM's window; `shuffled`, which only `model` has.
    """
    flat, train_flat = test.reshape(len(test), -1), train.reshape(len(train), -1)
    exact = code_size >= flat.shape[1]
    linear = None if exact else pca(train_flat, code_size)
    mean = train_flat.mean(axis=0, dtype=np.float64)
    rows = {
        "model": _pairs(flat, lambda at: reconstruction[at]),
        "pca": _pairs(flat, lambda at: linear.reconstruct(flat[at]) if linear else flat[at]),
        "mean": _pairs(flat, lambda at: np.broadcast_to(mean, flat[at].shape)),
    }
    figures = {name: _figures(pairs, shape, peak) for name, pairs in rows.items()}
    if reconstruct is not None:
        figures["model"]["shuffled"] = _shuffled(test, reconstruct)
    return figures


def _pairs(
    flat: Images, answer: Callable[[slice], NDArray[np.floating]]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield chunks of images and of their reconstructions, both float64 (chunk, width)."""
    for start in range(0, len(flat), _CHUNK):
        at = slice(start, start + _CHUNK)
        images = flat[at].astype(np.float64)
        yield images, answer(at).reshape(images.shape).astype(np.float64)


def _figures(
    pairs: Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]],
    shape: tuple[int, ...],
    peak: float,
) -> dict[str, float | None]:
    squares = alike = 0.0
    images_n = values_n = 0
    for images, answers in pairs:
        squares += float(np.square(answers - images).sum())
        images_n, values_n = images_n + len(images), values_n + images.size
        if is_picture(shape):
            pictures, answered = images.reshape(-1, *shape), answers.reshape(-1, *shape)
            alike += float(ssim(pictures, answered, peak).sum())
    mse = squares / values_n
    return {
        "mse": mse,
        "psnr": 10 * math.log10(peak**2 / mse) if mse else None,
        "ssim": alike / images_n if is_picture(shape) else None,
        "shuffled": None,
    }


def _shuffled(test: Images, reconstruct: Callable[[Images], Images]) -> float:
    order = np.random.default_rng(_SEED).permutation(math.prod(test.shape[1:]))
    squares = 0.0
    for start in range(0, len(test), _CHUNK):
        chunk = test[start : start + _CHUNK]
        moved = chunk.reshape(len(chunk), -1)[:, order].reshape(chunk.shape)
        answers = reconstruct(moved).astype(np.float64).reshape(chunk.shape)
        squares += float(np.square(answers - moved).sum())
    return squares / test.size
