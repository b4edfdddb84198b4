"""Principal component analysis (PCA): the best linear autoencoder with a given code size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Widest image whose covariance is decomposed in full: 4,096² float64 are 134 MB, some 20 s.
_WIDEST = 4096
#: Images converted to float64 at once.
_CHUNK = 4000


@dataclass(frozen=True)
class Linear:
    """A linear autoencoder: code = (x − mean) · components, x′ = mean + code · componentsᵀ.

    Attributes:
        mean: (width,) of the training images.
        components: (width, code size), orthonormal columns in descending order of variance.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]

    def encode(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the codes (n, code size) of images (n, width)."""
        return (images - self.mean) @ self.components

    def reconstruct(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the reconstructions (n, width) of images (n, width)."""
        return self.mean + self.encode(images) @ self.components.T


def pca(images: NDArray[np.floating], code_size: int) -> Linear:
    """Return the linear autoencoder with the least squared error on training images (n, width).

    If the code is at least as wide as an image, the components are the identity, and the
    reconstruction is exact.
    """
    n, width = images.shape
    mean = images.mean(axis=0, dtype=np.float64)
    if code_size >= width:
        return Linear(mean, np.eye(width))
    # n centred images span at most n − 1 directions
    size = min(code_size, n - 1)
    if size < 1:
        return Linear(mean, np.zeros((width, 0)))
    wide = width > _WIDEST
    return Linear(mean, _largest(images, mean, size) if wide else _exact(images, mean, size))


def _exact(
    images: NDArray[np.floating], mean: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Return the eigenvectors of the covariance with the largest eigenvalues, (width, size).

    scikit-learn's solver `covariance_eigh` either holds all images in float64 (376 MB for MNIST's),
    or loses the covariance in float32 if the images vary little about their mean.
    """
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
    """Return the same eigenvectors by Lanczos' method, without forming the covariance."""
    from sklearn.decomposition import PCA

    # ARPACK cannot compute all directions of a matrix
    size = min(size, min(images.shape) - 1)
    fitted = PCA(size, svd_solver="arpack", random_state=0).fit(images - mean)
    return np.ascontiguousarray(fitted.components_.T)
