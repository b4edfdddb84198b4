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
from edgeae.originals.keras_parts import load_model, parts
from edgeae.training.current import journal_key
from edgeae.training.fit import deterministic, reconstruct
from edgeae.training.journal import Journal
from edgeae.training.linear import pca
from edgeae.training.train import fit_model

#: Below the model's folder, while the second training runs.
_JOURNAL = ".probing"


def features(
    folder: Path, training: Training, dataset: Dataset, say: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Return `model`, `pca` and `pixels` → accuracies on the test labels, `linear` and `nearest`.

    Args:
        folder: the model's.
        training: of the model.
        dataset: with labels.
        say: told what is being done.
    """
    # before anything runs: the second training depends on the threads, which are fixed then
    settings = _settings(training)
    deterministic(settings.seed, settings.threads)
    labels = [np.asarray(dataset.train_labels), np.asarray(dataset.test_labels)]
    found = {}
    for name, (train, test) in _kinds(folder, training, dataset).items():
        say(f"probe {training.model}: {name}, {train.shape[1]} values of {len(train):,} images")
        pairs = (train, labels[0], test, labels[1])
        found[name] = {"linear": linear_accuracy(*pairs), "nearest": nearest_accuracy(*pairs)}
    return found


def _kinds(
    folder: Path, training: Training, dataset: Dataset
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return what labels are told from: features (n, width) of the training and test images."""
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
    said = training.configuration
    return Settings(**{**said, "hidden": tuple(said["hidden"])})


def anomaly(folder: Path, training: Training, dataset: Dataset, label: int) -> dict[str, float]:
    """Train the same family without one label; return the AUC of its errors, and of PCA's.

    A second training that was killed goes on after its last whole epoch.

    Raises:
        BadInput: it diverged.
        KeyboardInterrupt: Ctrl-C.
    """
    seen = without(dataset, label)
    settings = _settings(training)
    key = f"{journal_key(settings, dataset)} without {label}"
    journal = Journal(folder / _JOURNAL, key)
    told = f"train {training.model} without label {label}"
    model, fitted = fit_model(settings, seen, told, journal)
    if fitted.interrupted:
        raise KeyboardInterrupt
    test = dataset.images("test", tuple(model.input_shape[1:]))
    flat = test.reshape(len(test), -1)
    linear = pca(seen.images("train", (seen.width,)), settings.code)
    unseen = np.asarray(dataset.test_labels) == label
    found = {
        "model": separation(errors(test, reconstruct(model, test)), unseen),
        "pca": separation(errors(flat, linear.reconstruct(flat)), unseen),
    }
    journal.discard()
    return found


NEIGHBOURS = 5
#: Steps of L-BFGS: codes converge within them; raw pixels, 784 wide, are as good as they get.
_STEPS = 60

Features = NDArray[np.float32]
Labels = NDArray[np.integer]


def linear_accuracy(
    train: Features, train_labels: Labels, test: Features, test_labels: Labels
) -> float:
    """Return the share of test labels that a linear probe tells.

    Multinomial logistic regression on standardised features, with scikit-learn's usual L2 penalty.

    Args:
        train, test: (n, width).
        train_labels, test_labels: (n,), of two kinds or more.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, spread = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    spread[spread < 1e-6 * np.abs(train).max()] = 1  # a pixel that is always the same
    with warnings.catch_warnings():
        # the steps are the probe's definition
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(max_iter=_STEPS).fit((train - mean) / spread, train_labels)
    return float(probe.score((test - mean) / spread, test_labels))


def nearest_accuracy(
    train: Features, train_labels: Labels, test: Features, test_labels: Labels
) -> float:
    """Return the share of test labels that the 5 nearest training features vote for.

    Distances are of the features as they are: a code's directions have lengths that mean something.
    """
    from sklearn.neighbors import KNeighborsClassifier

    # trees search no faster from 16 dimensions or so on
    voters = KNeighborsClassifier(min(NEIGHBOURS, len(train)), algorithm="brute")
    return float(voters.fit(train, train_labels).score(test, test_labels))


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
