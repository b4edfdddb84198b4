"""The two halves of a probe: the code's accuracies, and a second training without one label."""

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.model import KERAS, Training
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.families.settings import Settings
from edgeae.metrics.detection import auc
from edgeae.originals.keras_parts import load_model, parts
from edgeae.training.current import journal_key
from edgeae.training.fit import deterministic, reconstruct
from edgeae.training.journal import Journal
from edgeae.training.linear import pca
from edgeae.training.train import fit_model

#: Folder of the second training's checkpoints in the model's folder.
_JOURNAL = ".probing"


def features(
    folder: Path, training: Training, dataset: Dataset, say: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Return `model`, `pca` and `pixels` → accuracies on the test labels, `linear` and `nearest`.

    Args:
        folder: the model's folder.
        training: the model's `train.json`.
        dataset: the dataset, with labels.
        say: receives progress messages.
    """
    # TensorFlow's threads cannot be set after its first operator, and `anomaly` depends on them
    settings = _settings(training)
    deterministic(settings.seed, settings.threads)
    labels = [np.asarray(dataset.train_labels), np.asarray(dataset.test_labels)]
    accuracies = {}
    for name, (train, test) in _kinds(folder, training, dataset).items():
        say(f"probe {training.model}: {name}, {train.shape[1]} values of {len(train):,} images")
        pairs = (train, labels[0], test, labels[1])
        accuracies[name] = {"linear": linear_accuracy(*pairs), "nearest": nearest_accuracy(*pairs)}
    return accuracies


def _kinds(
    folder: Path, training: Training, dataset: Dataset
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return name → features (n, width) of the training and of the test images."""
    shape = training.input_shape
    both = (dataset.images("train", shape), dataset.images("test", shape))
    encoder = parts(load_model(folder / KERAS), training.code_layer)["encoder"]
    flat = [images.reshape(len(images), -1) for images in both]
    linear = pca(flat[0], training.code_size)

    def pair(encode: Callable[[Any], Any], shown: Any) -> Any:
        codes = (np.asarray(encode(images), np.float32) for images in shown)
        return tuple(item.reshape(len(item), -1) for item in codes)

    return {
        "model": pair(lambda images: reconstruct(encoder, images), both),
        "pca": pair(linear.encode, flat),
        "pixels": (flat[0], flat[1]),
    }


def _settings(training: Training) -> Settings:
    configuration = training.configuration
    hidden = configuration["hidden"]
    return Settings(**{**configuration, "hidden": None if hidden is None else tuple(hidden)})


def anomaly(folder: Path, training: Training, dataset: Dataset, label: int) -> dict[str, float]:
    """Train with the same settings without one label; return the AUC of the model and of PCA.

    A killed training continues after its last complete epoch.

    Raises:
        BadInput: the training diverged.
        KeyboardInterrupt: Ctrl-C.
    """
    seen = without(dataset, label)
    settings = _settings(training)
    key = f"{journal_key(settings, dataset)} without {label}"
    journal = Journal(folder / _JOURNAL, key)
    label_text = f"train {training.model} without label {label}"
    model, fitted = fit_model(settings, seen, label_text, journal)
    if fitted.interrupted:
        raise KeyboardInterrupt
    test = dataset.images("test", tuple(model.input_shape[1:]))
    flat = test.reshape(len(test), -1)
    linear = pca(seen.images("train", (seen.width,)), training.code_size)
    unseen = np.asarray(dataset.test_labels) == label
    aucs = {
        "model": separation(errors(test, reconstruct(model, test)), unseen),
        "pca": separation(errors(flat, linear.reconstruct(flat)), unseen),
    }
    journal.discard()
    return aucs


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
