"""Datasets: rows, images or vectors, that train, calibrate and test a model; see `find.py`."""

from edgeae.data.dataset import Dataset, require_trainable, require_unit
from edgeae.data.find import BUILT_IN, absolute, is_path, load, load_all
from edgeae.data.mnist import MNIST_ARRAYS_SHA256, MNIST_SHA256
from edgeae.data.normalization import Normalization
from edgeae.data.reading import AS_STORED, Reading

__all__ = [
    "AS_STORED",
    "BUILT_IN",
    "MNIST_ARRAYS_SHA256",
    "MNIST_SHA256",
    "Dataset",
    "Normalization",
    "Reading",
    "absolute",
    "is_path",
    "load",
    "load_all",
    "require_trainable",
    "require_unit",
]
