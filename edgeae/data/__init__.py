"""Datasets: rows, images or vectors, that train, calibrate and test a model; see `find.py`."""

from edgeae.data.dataset import Dataset, require_trainable, require_unit
from edgeae.data.find import BUILT_IN, absolute, is_path, load
from edgeae.data.mnist import MNIST_ARRAYS_SHA256, MNIST_SHA256
from edgeae.data.normalization import Normalization

__all__ = [
    "BUILT_IN",
    "MNIST_ARRAYS_SHA256",
    "MNIST_SHA256",
    "Dataset",
    "Normalization",
    "absolute",
    "is_path",
    "load",
    "require_trainable",
    "require_unit",
]
