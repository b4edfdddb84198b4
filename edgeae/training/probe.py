"""Probe a trained model: its code as a feature for classifiers, the model as anomaly detector.

The result is a file in the model's folder; a result for the same weights is not computed again.
This module imports TensorFlow only if a probe has to be computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgeae import data as datasets
from edgeae.artifacts.model import Training, open_model
from edgeae.artifacts.probe_result import PROBE, Probed, read_probe
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.system import atomic
from edgeae.text.columns import align

#: The default label to hold out, if the dataset has it: a 4 is hard to detect, being like a 9.
_HELD_OUT = 4
_NAMES = {"model": "code", "pca": "PCA, same code size", "pixels": "raw pixels"}


def probe(
    folder: Path, say: Callable[[str], None], held_out: int | None = None, *, force: bool = False
) -> dict[str, Any]:
    """Write `probe.json` into a model's folder and return its content; see `probe_result.Probed`.

    Args:
        folder: `build/<model>`, a trained model.
        say: receives progress messages, one line each.
        held_out: the label whose images the second training never sees; None takes 4 if the
            dataset has it, else the largest label.
        force: compute the probe even if there is a result for these weights.

    Raises:
        BadInput: the dataset has no labels, it lacks the label to hold out, or it is not the
            dataset of the training.
        KeyboardInterrupt: Ctrl-C; nothing is written.
    """
    training = open_model(folder)
    dataset, labels = _dataset(training, say)
    label = _label(dataset.name, labels, held_out)
    kept = None if force else _known(folder, training, dataset, label)
    if kept is not None:
        say(f"{folder / PROBE}: up to date")
        return asdict(kept)

    from edgeae.training.probing import anomaly, features

    result = Probed(
        weights_sha256=training.weights_sha256,
        labels_sha256=dataset.labels_sha256,
        train=len(dataset.train),
        test=len(dataset.test),
        features=features(folder, training, dataset, say),
        held_out=label,
        anomaly=anomaly(folder, training, dataset, label),
    )
    atomic.write_text(folder / PROBE, result.to_json())
    return asdict(result)


def render_probe(probe: Mapping[str, Any]) -> str:
    """Return the accuracies, a line per feature, then the AUC of the held-out label."""
    rows = [["accuracy on labels", "linear probe", "5 nearest"]]
    for key, name in _NAMES.items():
        row = probe["features"][key]
        rows.append([name, f"{row['linear']:.4f}", f"{row['nearest']:.4f}"])
    aucs = probe["anomaly"]
    return (
        f"{align(rows, left=1)}\n"
        f"label {probe['held_out']} held out: AUC of the reconstruction error "
        f"{aucs['model']:.3f}, PCA's {aucs['pca']:.3f}"
    )


def check_labels(dataset: Dataset, held_out: int | None) -> None:
    """Check that a dataset can be probed, before a model is trained.

    Raises:
        BadInput: the dataset has no labels, or it lacks the label to hold out.
    """
    _label(dataset.name, _labels(dataset), held_out)


def _labels(dataset: Dataset) -> list[int]:
    if dataset.train_labels is None or dataset.test_labels is None:
        raise BadInput(f"{dataset.origin}: no labels (y_train and y_test), which --probe needs")
    if dataset.train_labels.dtype.kind == "U" or dataset.test_labels.dtype.kind == "U":
        raise BadInput(f"{dataset.origin}: the labels are texts; --probe needs whole numbers")
    labels: list[int] = np.intersect1d(dataset.train_labels, dataset.test_labels).tolist()
    if len(labels) < 2:
        raise BadInput(
            f"{dataset.origin}: y_train and y_test share {len(labels)} labels; --probe needs 2"
        )
    return labels


def _dataset(training: Training, say: Callable[[str], None]) -> tuple[Dataset, list[int]]:
    """Return the dataset that a model was trained on, and its distinct labels."""
    dataset = datasets.load_recorded(training, say=say)
    if dataset.sha256 != training.dataset["sha256"]:
        raise BadInput(f"{dataset.origin}: not the images that {training.model} was trained on")
    return dataset, _labels(dataset)


def _label(dataset: str, labels: list[int], held_out: int | None) -> int:
    if held_out is None:
        return _HELD_OUT if _HELD_OUT in labels else labels[-1]
    if held_out not in labels:
        allowed = ", ".join(map(str, labels))
        raise BadInput(f"--held-out {held_out}: allowed are the labels of {dataset}: {allowed}")
    return held_out


def _known(folder: Path, training: Training, dataset: Dataset, label: int) -> Probed | None:
    """Return the stored result for these weights and labels; None if there is none."""
    try:
        kept = read_probe(folder)
    except BadInput:
        return None  # damaged: compute it again
    asked = (training.weights_sha256, dataset.labels_sha256, label)
    if kept is None or (kept.weights_sha256, kept.labels_sha256, kept.held_out) != asked:
        return None
    return kept
