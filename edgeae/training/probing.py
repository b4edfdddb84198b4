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
from edgeae.training.current import journal_key
from edgeae.training.fit import deterministic, reconstruct
from edgeae.training.journal import Journal
from edgeae.training.linear import pca
from edgeae.training.probe_figures import (
    errors,
    linear_accuracy,
    nearest_accuracy,
    separation,
    without,
)
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
