"""From the files of a build to one frozen summary.

Schema of `summary.json`, its history:
1   the first.
2   latency: fixed cost, cold start, batch, throughput, software devices, why a figure is unstable;
    the processes of a bench pooled.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae.bundle import Bundle
from edgeae.model import TRAIN, Training, open_model
from edgeae.report.commands import commands
from edgeae.report.exports import Export, exports
from edgeae.report.latency import Absent, Latency, latency
from edgeae.timing.results import read_results
from edgeae.timing.suite import ORIGINAL

__all__ = ["SCHEMA", "Model", "Summary", "Verdict", "gather"]

SCHEMA = 2
RESULTS = "results.jsonl"


@dataclass(frozen=True)
class Model:
    """One model and where its figures are from.

    Attributes:
        name: of the model.
        weights_sha256: of the model its exports were made from; several when they differ.
        float32_loss: MSE of the original on the test images.
        dataset: `name`, `sha256` and `n`, as in the manifests.
        dataset_note: how the dataset came to be used; empty where there is nothing to say.
        description, parameters: the architecture; of `train.json`, or None.
        retrained: whether `train.json` has other weights than an export.
    """

    name: str
    weights_sha256: tuple[str, ...]
    float32_loss: float
    dataset: dict[str, Any]
    dataset_note: str
    description: str | None
    parameters: int | None
    retrained: bool


@dataclass(frozen=True)
class Verdict:
    """What the whole build amounts to.

    Attributes:
        verdict: `pass`, `fail` or `missing`.
        sentence: the same in words.
        failed, missing: names of exports outside their tolerance, and of those not verified.
    """

    verdict: str
    sentence: str
    failed: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """Everything a report shows but the images.

    Attributes:
        schema: version of this layout.
        edgeae: the version that wrote it.
        verdict: see `Verdict`.
        models: by name.
        exports: by model, the largest first.
        latency: see `Latency`.
        absent: runtimes that are not there, as bench or verify found.
        tools: package → versions that made the exports.
        commands: what reproduces every figure.
    """

    schema: int
    edgeae: str
    verdict: Verdict
    models: tuple[Model, ...]
    exports: tuple[Export, ...]
    latency: Latency
    absent: tuple[Absent, ...]
    tools: dict[str, tuple[str, ...]]
    commands: tuple[str, ...]

    def of(self, model: str) -> tuple[Export, ...]:
        """Return a model's exports."""
        return tuple(export for export in self.exports if export.model == model)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON types."""
        table: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return table


def gather(build: Path, bundles: Sequence[Bundle]) -> Summary:
    """Read everything that the build's files say about the bundles.

    Raises:
        BadInput: `train.json`, `verify.json` or `results.jsonl` is damaged.
        ManifestMismatch: `model.keras` is not the model that was trained.
    """
    found = exports(bundles)
    trainings = _trainings(bundles)
    measured = latency(read_results(build / RESULTS), _current(found, trainings))
    names = tuple(dict.fromkeys(export.model for export in found))
    return Summary(
        schema=SCHEMA,
        edgeae=__version__,
        verdict=_verdict(found),
        models=tuple(_model(name, found, trainings.get(name)) for name in names),
        exports=found,
        latency=measured,
        absent=_absent(found, measured),
        tools=_tools(found),
        commands=commands(found, trainings),
    )


def _trainings(bundles: Sequence[Bundle]) -> dict[str, Training]:
    folders = {bundle.manifest.model: bundle.model_folder for bundle in bundles}
    return {
        model: open_model(folder) for model, folder in folders.items() if (folder / TRAIN).exists()
    }


def _current(
    found: Sequence[Export], trainings: dict[str, Training]
) -> dict[tuple[str, str, str, str], str]:
    """Return what is on disk, as results rows name it."""
    artifacts = {
        (export.model, export.recipe, file.part, file.format): file.sha256
        for export in found
        for file in export.files
    }
    originals = {
        (model, ORIGINAL, part, "keras"): training.weights_sha256
        for model, training in trainings.items()
        for part in ("encoder", "decoder", "autoencoder")
    }
    return {**artifacts, **originals}


def _model(name: str, found: Sequence[Export], training: Training | None) -> Model:
    own = [export for export in found if export.model == name]
    weights = tuple(dict.fromkeys(export.weights_sha256 for export in own))
    dataset = own[0].dataset
    return Model(
        name=name,
        weights_sha256=weights,
        float32_loss=own[0].loss.float32,
        dataset=dataset,
        dataset_note=_dataset_note(dataset["name"], training),
        description=training.description if training else None,
        parameters=training.parameters if training else None,
        retrained=training is not None and weights != (training.weights_sha256,),
    )


def _dataset_note(name: str, training: Training | None) -> str:
    """Say it where the figures are of the stand-in for MNIST."""
    if name != "digits":
        return ""
    if training is not None and training.dataset.get("data") == "auto":
        return "MNIST was not available"
    return "scikit-learn’s, not MNIST"


def _verdict(found: Sequence[Export]) -> Verdict:
    failed = tuple(export.name for export in found if export.verdict == "fail")
    missing = tuple(export.name for export in found if export.verdict == "missing")
    count = _count(len(found))
    if failed:
        told = f"{len(failed)} of {count} outside tolerance: {', '.join(failed)}."
        if missing:
            told += f" {len(missing)} not verified."
        return Verdict("fail", told, failed, missing)
    if len(missing) == len(found):
        told = f"{count} not verified yet: run `edgeae verify`."
        return Verdict("missing", told, failed, missing)
    if missing:
        told = f"{len(missing)} of {count} not verified yet: {', '.join(missing)}."
        return Verdict("missing", f"{told} The others are.", failed, missing)
    told = "1 export verified." if len(found) == 1 else f"All {count} verified."
    return Verdict("pass", told, failed, missing)


def _count(exports_n: int) -> str:
    return "1 export" if exports_n == 1 else f"{exports_n} exports"


def _absent(found: Sequence[Export], measured: Latency) -> tuple[Absent, ...]:
    verified = (
        Absent(row.runtime, "; ".join(row.reasons))
        for export in found
        for row in export.rows
        if row.verdict == "unavailable"
    )
    return tuple(dict.fromkeys((*measured.absent, *verified)))


def _tools(found: Sequence[Export]) -> dict[str, tuple[str, ...]]:
    names = sorted({name for export in found for name in export.tools})
    return {
        name: tuple(sorted({item.tools[name] for item in found if name in item.tools}))
        for name in names
    }
