"""The figures of a probe: accuracies of features, and how well errors tell an unseen label."""

import dataclasses
import warnings

import numpy as np
from numpy.typing import NDArray

from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.metrics.detection import auc

#: Neighbours that vote.
NEIGHBOURS = 5
#: Steps of L-BFGS. Codes converge within them; on 784 raw pixels more steps gain no accuracy.
_STEPS = 60

Features = NDArray[np.float32]
Labels = NDArray[np.integer]


def linear_accuracy(
    train: Features, train_labels: Labels, test: Features, test_labels: Labels
) -> float:
    """Return the accuracy of a linear probe on the test labels, 0 to 1.

    The probe is multinomial logistic regression on standardised features, with scikit-learn's
    default L2 penalty.

    Args:
        train, test: features, (n, width).
        train_labels, test_labels: (n,) integers, at least two distinct ones.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, spread = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    spread[spread < 1e-6 * np.abs(train).max()] = 1  # a constant pixel
    with warnings.catch_warnings():
        # the number of steps is part of the probe's definition
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(max_iter=_STEPS).fit((train - mean) / spread, train_labels)
    return float(probe.score((test - mean) / spread, test_labels))


def nearest_accuracy(
    train: Features, train_labels: Labels, test: Features, test_labels: Labels
) -> float:
    """Return the accuracy of the 5 nearest neighbours on the test labels, 0 to 1.

    The features are not standardised, because the scales of a code's dimensions carry information.
    """
    from sklearn.neighbors import KNeighborsClassifier

    # from about 16 dimensions, search trees are not faster
    voters = KNeighborsClassifier(min(NEIGHBOURS, len(train)), algorithm="brute")
    return float(voters.fit(train, train_labels).score(test, test_labels))


#: Least number of training images, as for a dataset.
_LEAST = 10


def without(dataset: Dataset, label: int) -> Dataset:
    """Return a dataset whose training and validation images do not have the label.

    A dataset has no labels of its validation images; new validation images are therefore taken
    from the end of the training images.

    Args:
        dataset: has at least two distinct labels.
        label: the label to leave out.

    Raises:
        BadInput: fewer than 10 training images are left.
    """
    labels = np.asarray(dataset.train_labels)
    kept = labels != label
    images, left = dataset.train[kept], labels[kept]
    if len(images) < _LEAST:
        raise BadInput(
            f"{dataset.origin}: {len(images)} training images without label {label}; "
            f"{_LEAST} or more are needed"
        )
    # the same share of validation images as in the whole dataset
    whole = len(dataset.train) + len(dataset.validation)
    end = len(images) - max(1, len(images) * len(dataset.validation) // whole)
    return dataclasses.replace(
        dataset,
        train=images[:end],
        train_labels=left[:end],
        validation=images[end:],
        validation_labels=left[end:],
    )


def errors(
    images: NDArray[np.floating], reconstruction: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return each image's mean squared error, (n,)."""
    flat = [array.reshape(len(array), -1).astype(np.float64) for array in (images, reconstruction)]
    return np.asarray(np.square(flat[1] - flat[0]).mean(axis=1), np.float64)


def separation(losses: NDArray[np.float64], unseen: NDArray[np.bool_]) -> float:
    """Return the AUC: how often an unseen image has a larger error than a seen one; 0.5 is chance.

    Args:
        losses: (n,) errors.
        unseen: (n,) whether the image has the held-out label.
    """
    return auc(losses[~unseen], losses[unseen])
