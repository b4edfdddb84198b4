"""The two halves of a probe: the code's accuracies, and a second training without one label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.model import KERAS, Training
from edgeae.data import Dataset
from edgeae.families.settings import Settings
from edgeae.originals.keras_parts import load_model, parts
from edgeae.training.anomaly import errors, separation, without
from edgeae.training.current import journal_key
from edgeae.training.features import linear_accuracy, nearest_accuracy
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
