"""An autoencoder as an anomaly detector: does it reconstruct worse what it has never seen?"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from edgeae.data import Dataset
from edgeae.errors import BadInput

#: Images that a training takes at least, as a dataset does.
_LEAST = 10


def without(dataset: Dataset, label: int) -> Dataset:
    """Return a dataset whose training and validation images have every label but one.

    Labels of the validation images are not known, so they are taken from the training's end anew.

    Args:
        dataset: with labels, of two kinds or more.
        label: the one that a training must never see.

    Raises:
        BadInput: hardly any other image is left.
    """
    labels = np.asarray(dataset.train_labels)
    kept = labels != label
    images, left = dataset.train[kept], labels[kept]
    if len(images) < _LEAST:
        raise BadInput(
            f"{dataset.origin}: {len(images)} training images without label {label}; "
            f"{_LEAST} or more are needed"
        )
    # as large a share as that of the whole dataset
    whole = len(dataset.train) + len(dataset.validation)
    end = len(images) - max(1, len(images) * len(dataset.validation) // whole)
    return dataclasses.replace(
        dataset, train=images[:end], train_labels=left[:end], validation=images[end:]
    )


def errors(
    images: NDArray[np.floating], reconstruction: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return each image's mean squared error, (n,)."""
    flat = [array.reshape(len(array), -1).astype(np.float64) for array in (images, reconstruction)]
    return np.asarray(np.square(flat[1] - flat[0]).mean(axis=1), np.float64)


def separation(found: NDArray[np.float64], unseen: NDArray[np.bool_]) -> float:
    """Return the AUC: how often an unseen image has the larger error of a pair; 0.5 is chance."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(unseen, found))
