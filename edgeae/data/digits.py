"""The 1,797 handwritten digits of scikit-learn, resized to MNIST's layout."""

import numpy as np
from numpy.typing import NDArray

from edgeae.data.columns import Stored
from edgeae.data.dataset import Dataset
from edgeae.data.splitting import split
from edgeae.errors import BadInput
from edgeae.system.extras import remedy


def load_digits() -> Dataset:
    """Return the 8×8 digits in MNIST's layout: resized to 20×20, centred in 28×28, uint8.

    Raises:
        BadInput: scikit-learn is missing.
    """
    try:
        from sklearn import datasets
    except ImportError:
        reason = "dataset digits: scikit-learn is missing"
        raise BadInput(f"{reason}; {remedy('host')}") from None
    carried = datasets.load_digits()
    spread = _bilinear(8, 20)
    # float64, then rounding to whole grey levels, gives the same bytes on every machine
    boxes = np.einsum("ij,njk,lk->nil", spread, carried.images / 16.0, spread)
    images = np.zeros((len(boxes), 28, 28), np.uint8)
    images[:, 4:24, 4:24] = np.round(boxes * 255)
    order = np.random.default_rng(0).permutation(len(images))  # the file is ordered by writer
    images, labels = images[order], carried.target[order].astype(np.uint8)
    arrays = {
        "x_train": images[:1497],
        "y_train": labels[:1497],
        "x_test": images[1497:],
        "y_test": labels[1497:],
    }
    return split("digits", "scikit-learn", Stored(arrays))


def _bilinear(source: int, target: int) -> NDArray[np.float64]:
    """Return the matrix (target, source) of linear interpolation with aligned pixel centres."""
    centres = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    return np.stack([np.interp(centres, np.arange(source), row) for row in np.eye(source)], axis=1)
