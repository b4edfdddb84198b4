"""Datasets: rows, images or vectors, that train, calibrate and test a model; see `find.py`."""

from edgeae.data.dataset import Dataset, require_trainable, require_unit
from edgeae.data.find import BUILT_IN, absolute, is_path, load, load_all
from edgeae.data.mnist import MNIST_ARRAYS_SHA256, MNIST_SHA256
from edgeae.data.normalization import Normalization
from edgeae.data.reading import AS_STORED, Reading
from edgeae.data.recorded import asked_of, load_for, load_recorded, normalization_of, reading_of
from edgeae.data.scales import column_losses, remarks

__all__ = [
    "AS_STORED",
    "BUILT_IN",
    "MNIST_ARRAYS_SHA256",
    "MNIST_SHA256",
    "Dataset",
    "Normalization",
    "Reading",
    "absolute",
    "asked_of",
    "column_losses",
    "is_path",
    "load",
    "load_all",
    "load_for",
    "load_recorded",
    "normalization_of",
    "reading_of",
    "remarks",
    "require_trainable",
    "require_unit",
]
