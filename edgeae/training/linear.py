"""Principal component analysis: the best linear autoencoder of a code's size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Widest image whose covariance is decomposed whole: 4,096² float64 are 134 MB, some 20 s.
_WIDEST = 4096
#: Images turned into float64 at once.
_CHUNK = 4000


@dataclass(frozen=True)
class Linear:
    """A linear autoencoder: code = (x − mean) · components, x′ = mean + code · componentsᵀ.

    Attributes:
        mean: (width,) of the training images.
        components: (width, code size), orthonormal columns, the one of most variance first.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]

    def encode(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the codes (n, code size) of images (n, width)."""
        return (images - self.mean) @ self.components

    def reconstruct(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return images (n, width) through the code and back."""
        return self.mean + self.encode(images) @ self.components.T


def pca(images: NDArray[np.floating], code_size: int) -> Linear:
    """Fit the linear autoencoder of least squared error over training images (n, width).

    A code at least as wide as an image gets all its directions, and reconstructs exactly.
    """
    n, width = images.shape
    mean = images.mean(axis=0, dtype=np.float64)
    if code_size >= width:
        return Linear(mean, np.eye(width))
    # n images differ from their mean in at most n − 1 directions
    size = min(code_size, n - 1)
    if size < 1:
        return Linear(mean, np.zeros((width, 0)))
    wide = width > _WIDEST
    return Linear(mean, _largest(images, mean, size) if wide else _exact(images, mean, size))


def _exact(
    images: NDArray[np.floating], mean: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Eigenvectors of the covariance with the largest eigenvalues."""
    width = images.shape[1]
    scatter = np.zeros((width, width))
    for start in range(0, len(images), _CHUNK):
        centred = images[start : start + _CHUNK] - mean
        scatter += centred.T @ centred
    _, vectors = np.linalg.eigh(scatter)  # in ascending order
    return np.ascontiguousarray(vectors[:, ::-1][:, :size])


def _largest(
    images: NDArray[np.floating], mean: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """The same by Lanczos' method, to machine precision, where a covariance is too large."""
    from sklearn.decomposition import PCA

    # ARPACK cannot give all directions of few images
    size = min(size, min(images.shape) - 1)
    found = PCA(size, svd_solver="arpack", random_state=0).fit(images - mean)
    return np.ascontiguousarray(found.components_.T)
