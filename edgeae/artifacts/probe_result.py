"""`probe.json` in a model's folder: the result of a probe of the model's code."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from edgeae.errors import BadInput
from edgeae.reading import typed
from edgeae.reading.parsing import read_json

PROBE = "probe.json"
_FEATURES, _WAYS = ("model", "pca", "pixels"), ("linear", "nearest")
_ANOMALY = ("model", "pca")


@dataclass(frozen=True)
class Probed:
    """The result of a probe.

    Attributes:
        weights_sha256: identity of the probed model.
        labels_sha256: `Dataset.labels_sha256` of the labels that were predicted.
        train, test: number of training images that the probes were fitted on, and of test images
            whose labels were predicted.
        features: `model`, `pca` and `pixels` → `linear` and `nearest` → accuracy on the test
            labels of a linear probe and of the 5 nearest neighbours.
        held_out: the label whose images a second training with the same settings never saw.
        anomaly: `model` and `pca` → AUC of the reconstruction error of that label's test images.
    """

    weights_sha256: str
    labels_sha256: str
    train: int
    test: int
    features: dict[str, dict[str, float]]
    held_out: int
    anomaly: dict[str, float]

    def __post_init__(self) -> None:
        for name in _FEATURES:
            found = self.features.get(name, {})
            for way in _WAYS:
                _check_share(f"features.{name}.{way}", found.get(way))
        for name in _ANOMALY:
            _check_share(f"anomaly.{name}", self.anomaly.get(name))

    def to_json(self) -> str:
        """Return the file's text."""
        table = dataclasses.asdict(self)
        return json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _check_share(key: str, value: float | None) -> None:
    if value is None or not 0 <= value <= 1:
        raise BadInput(f"{key} = {value}: allowed is 0 to 1")


def read_probe(folder: Path) -> Probed | None:
    """Return the probe's result in a model's folder; None if the model was not probed.

    Raises:
        BadInput: the file is damaged.
    """
    path = folder / PROBE
    try:
        return typed.build(Probed, read_json(path))
    except FileNotFoundError:
        return None
    except BadInput as error:
        raise BadInput(f"{path}: damaged: {error}; `edgeae train --probe` repeats it") from None
