"""Runs: what MLflow is told of a training, a bundle or a sweep, from the records on disk.

MLflow shows a run's parameters, metrics, tags and files. A metric whose name has a slash is shown
in a group; no metric is called as a group, because MLflow's folders would have both at one path.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae.artifacts.bundle import MANIFEST, Bundle
from edgeae.artifacts.manifest import Manifest
from edgeae.artifacts.model import TRAIN, Training
from edgeae.system import atomic
from edgeae.tracking import curve as curves

_PREFIX = "edgeae"
#: The tag by which a run is found again; see `Run.identity`.
IDENTITY = f"{_PREFIX}.identity"
#: Kinds of runs.
_TRAINING, _BUNDLE, SWEEP = "training", "bundle", "sweep"


@dataclass(frozen=True)
class Run:
    """A run of MLflow.

    Attributes:
        name: the model, `model/recipe` or the sweep.
        identity: a hash; two runs have the same if they are about the same content, and the second
            is not logged again.
        tags: tag → value.
        params: parameter → value.
        metrics: metric → step → value; 0 is the step of a figure without steps.
        files: the files that are uploaded.
        ended: seconds since 1970 at which it ended.
        seconds: how long it took.
        children: runs that are shown below this one.
    """

    name: str
    identity: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, dict[int, float]]
    files: tuple[Path, ...]
    ended: float
    seconds: float = 0.0
    children: tuple["Run", ...] = field(default=())


def of_training(folder: Path, training: Training) -> Run:
    """Return the run of a training that edgeae made.

    Args:
        folder: the model's folder.
        training: its record.
    """
    metrics = _by_step(curves.epochs(training.configuration, training.curve))
    metrics[curves.TEST] = {training.best_epoch: training.losses["test"]}
    metrics |= _figures({"best_epoch": training.best_epoch, "seconds": training.seconds})
    file = folder / TRAIN
    tags = {"model": training.model, "weights_sha256": training.weights_sha256}
    # the figures that differ between two equal trainings are not in it
    content = [training.configuration, training.dataset["sha256"], training.tools]
    return Run(
        name=training.model,
        identity=_identity(_TRAINING, tags, content),
        tags=_tags(_TRAINING, tags, training.tools),
        params=params(training),
        metrics=metrics,
        files=(file,),
        ended=file.stat().st_mtime,
        seconds=training.seconds,
    )


def of_bundle(
    bundle: Bundle, training: Training, figures: Mapping[str, float | None] | None = None
) -> Run:
    """Return the run of a bundle that edgeae exported.

    Args:
        bundle: the bundle.
        training: the record of its model.
        figures: further metrics of a single step.
    """
    manifest = bundle.manifest
    file = bundle.shown / MANIFEST
    tags = {
        "model": manifest.model,
        "recipe": manifest.recipe,
        "weights_sha256": manifest.weights_sha256,
        "recipe_sha256": manifest.recipe_sha256,
        "manifest_sha256": bundle.sha256,
    }
    settings = {f"recipe.{key}": _text(value) for key, value in manifest.settings.items()}
    own = {"recipe": manifest.recipe, **settings}
    return Run(
        name=bundle.name,
        identity=_identity(_BUNDLE, tags, None),
        tags=_tags(_BUNDLE, tags, manifest.tools),
        params={**params(training), **own},
        metrics=_figures({**_of_manifest(manifest), **(figures or {})}),
        files=(file,),
        ended=file.stat().st_mtime,
    )


def of_sweep(name: str, file: Path, tables: Mapping[str, Any], children: tuple[Run, ...]) -> Run:
    """Return the run of a sweep, below which its models and bundles are shown.

    Args:
        name: the sweep's name.
        file: its result, a JSON file.
        tables: table of the sweep's file → its keys.
        children: the runs of its models and bundles.
    """
    tags = {"sweep": name, "sweep_sha256": atomic.sha256(file.read_bytes())}
    keys = {f"{table}.{key}": value for table, row in tables.items() for key, value in row.items()}
    return Run(
        name=name,
        identity=_identity(SWEEP, tags, [child.identity for child in children]),
        tags=_tags(SWEEP, tags, {}),
        params={key: _text(value) for key, value in keys.items() if value not in (None, [])},
        metrics=_figures({"runs": len(children)}),
        files=(file,),
        ended=file.stat().st_mtime,
        children=children,
    )


def params(training: Training) -> dict[str, str]:
    """Return what a model is, and what it was trained on; of an imported one, its shape alone."""
    trained = "learning_rate" in training.configuration
    settings = curves.chosen(training.configuration) if trained else {"family": training.family}
    facts = {
        "data": training.dataset["name"],
        "data_sha256": training.dataset["sha256"],
        "train_rows": training.dataset.get("train"),
        "code_values": training.code_size,
        "layers": training.description,
        "weights": training.parameters,
        "macs": training.macs or None,
    }
    found = {**settings, **facts}
    return {key: _text(value) for key, value in found.items() if value is not None}


def _of_manifest(manifest: Manifest) -> dict[str, float | None]:
    """Return the losses of a bundle, and the sizes of its artifacts."""
    figures: dict[str, float | None] = {}
    if loss := manifest.loss:
        figures = {
            "loss": loss.exported,
            "float_loss": loss.float32,
            "control_loss": loss.control,
            "added_loss": loss.added,
            "loss_ratio": loss.yardstick_ratio,
        }
    for item in manifest.artifacts:
        name = item.path
        figures |= {f"size/{name}": item.bytes, f"gzip/{name}": item.gzip_bytes}
        if (item.part, item.format) == ("autoencoder", "tflite"):
            figures |= {"packed_bytes": item.packed_bytes, "bytes": item.bytes}
            figures |= {"nonzero_macs": item.nonzero_macs}
    return figures


def _figures(values: Mapping[str, float | None]) -> dict[str, dict[int, float]]:
    return {key: {0: value} for key, value in values.items() if value is not None}


def _by_step(epochs: Any) -> dict[str, dict[int, float]]:
    metrics: dict[str, dict[int, float]] = {}
    for step, figures in enumerate(epochs, 1):
        for key, value in figures.items():
            metrics.setdefault(key, {})[step] = value
    return metrics


def _tags(kind: str, tags: Mapping[str, str], tools: Mapping[str, str]) -> dict[str, str]:
    named = {f"{_PREFIX}.{key}": value for key, value in tags.items()}
    used = {f"{_PREFIX}.tools.{package}": version for package, version in tools.items()}
    return {f"{_PREFIX}.kind": kind, f"{_PREFIX}.version": __version__, **named, **used}


def _identity(kind: str, tags: Mapping[str, str], content: Any) -> str:
    return atomic.sha256(json.dumps([kind, dict(tags), content], sort_keys=True).encode())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
