"""Gather the files of a build in one frozen summary.

History of the schema of `summary.json`:
1   the first.
2   latency: fixed cost, cold start, batch, throughput, software devices, reasons of unstable
    figures; the processes of a bench are pooled.
3   models, exported or not: yardsticks, learning curves, probes, loss by code size; the figures of
    a model without an original are null.
4   exports: steps, packed bytes, bytes by cause, nonzero MACs; fronts.
5   cautions of models and exports; `mean_loss` of datasets.
6   microcontrollers.
7   comparisons.
8   detections.
9   boards.
10  fronts: the machine of a front against latency, whose figures are those of one machine.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae.artifacts import cautions
from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.model import Training
from edgeae.detect.result import Detection, read_detection
from edgeae.families.samples import read_samples
from edgeae.reading.names import RESULTS
from edgeae.recipe import AS_IS
from edgeae.summary.commands import Retrain, commands
from edgeae.summary.comparison import FILE, Compared, read, tables
from edgeae.summary.exports import Export, exports
from edgeae.summary.fronts import Front, fronts
from edgeae.summary.latency import Absent, Latency, latency
from edgeae.summary.microcontrollers import Board, Microcontroller, boards, microcontrollers
from edgeae.summary.trained import CodeSizes, Trained, code_sizes, trained
from edgeae.timing.results import read_results
from edgeae.timing.suite import ORIGINAL

SCHEMA = 10
#: The verdict names at most this many exports.
_TOLD = 4


@dataclass(frozen=True)
class Model:
    """One model and the sources of its figures.

    Attributes:
        name: the model's name.
        weights_sha256: identities of the weights that its exports were made from.
        float32_loss: MSE of the original on the test images; None if there is no original.
        dataset: `name`, `sha256`, `n` and more, as in the manifests.
        dataset_note: a note if digits were used instead of MNIST; or empty.
        description, parameters: the architecture, from `train.json`; or None.
        retrained: whether `train.json` has other weights than an export.
        caution: a warning if the model is worse than the mean of its data; or empty.
    """

    name: str
    weights_sha256: tuple[str, ...]
    float32_loss: float | None
    dataset: dict[str, Any]
    dataset_note: str
    description: str | None
    parameters: int | None
    retrained: bool
    caution: str


@dataclass(frozen=True)
class Verdict:
    """The verdict on a build.

    Attributes:
        verdict: `pass`, `fail` or `missing`.
        sentence: the verdict as a sentence.
        failed, missing: names of exports outside their tolerance, and of exports not verified.
    """

    verdict: str
    sentence: str
    failed: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """Everything that a report shows except the images.

    Attributes:
        schema: version of this layout.
        edgeae: the version of edgeae that made the summary.
        verdict: see `Verdict`.
        models: in the order of their names, exported or not.
        trained: the trained models, by family and code size.
        code_sizes: loss by code size, for each family with several sizes.
        exports: by model, the largest first.
        fronts: by model, loss against packed bytes and against latency.
        latency: see `Latency`.
        microcontrollers: exact figures of the artifacts as C on emulated cores.
        boards: what boards counted of the artifacts as C.
        comparisons: edgeae's compression beside tfmot's; see `edgeae compare`.
        detections: the bundles that `edgeae detect` judged, by name; see `Detection`.
        absent: runtimes that were missing in bench or verify.
        tools: package → versions that made the models and exports.
        commands: the command lines that reproduce every figure.
    """

    schema: int
    edgeae: str
    verdict: Verdict
    models: tuple[Model, ...]
    trained: tuple[Trained, ...]
    code_sizes: tuple[CodeSizes, ...]
    exports: tuple[Export, ...]
    fronts: tuple[Front, ...]
    latency: Latency
    microcontrollers: tuple[Microcontroller, ...]
    boards: tuple[Board, ...]
    comparisons: tuple[Compared, ...]
    detections: tuple[Detection, ...]
    absent: tuple[Absent, ...]
    tools: dict[str, tuple[str, ...]]
    commands: tuple[str, ...]

    def of(self, model: str) -> tuple[Export, ...]:
        """Return a model's exports."""
        return tuple(export for export in self.exports if export.model == model)

    @property
    def exported(self) -> tuple[Model, ...]:
        """The models that have exports."""
        return tuple(model for model in self.models if self.of(model.name))

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON types."""
        table: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return table


def gather(
    build: Path,
    bundles: Sequence[Bundle],
    folders: Mapping[str, Path],
    trainings: Mapping[str, Training],
    retrain: Retrain,
) -> Summary:
    """Return the summary of a build.

    Args:
        build: folder of models, bundles and results.
        bundles: all bundles of the build.
        folders: model → its folder.
        trainings: model → its `train.json`, if it has one.
        retrain: see `Retrain`.

    Raises:
        BadInput: `probe.json`, `verify.json`, `detect.json`, `results.jsonl` or `compare.json` is
            damaged.
    """
    found = exports(bundles)
    models = trained(trainings, folders)
    rows, hashes = read_results(build / RESULTS), current(found, trainings)
    measured = latency(rows, hashes)
    detections = _detections(bundles)
    ordered = {model.name: trainings[model.name] for model in models}
    probed = [model.name for model in models if model.probe]
    sampled = [name for name, item in ordered.items() if read_samples(folders[name], item)]
    cores, on_boards = microcontrollers(rows, hashes), boards(rows, hashes)
    counted: tuple[Microcontroller | Board, ...] = (*cores, *on_boards)
    return Summary(
        schema=SCHEMA,
        edgeae=__version__,
        verdict=_verdict(found),
        models=tuple(_model(name, found, bundles, trainings.get(name)) for name in folders),
        trained=models,
        code_sizes=code_sizes(models),
        exports=found,
        fronts=fronts(found, measured),
        latency=measured,
        microcontrollers=cores,
        boards=on_boards,
        comparisons=tables(read(build / FILE), trainings),
        detections=detections,
        absent=_absent(found, measured),
        tools=_tools(found, trainings),
        commands=commands(found, ordered, probed, sampled, detections, counted, retrain),
    )


def _detections(bundles: Sequence[Bundle]) -> tuple[Detection, ...]:
    found = filter(None, map(read_detection, bundles))
    return tuple(sorted(found, key=lambda item: item.name))


def current(
    found: Sequence[Export], trainings: Mapping[str, Training]
) -> dict[tuple[str, str, str, str], str]:
    """Return (model, recipe, part, format) → hash of each artifact and original on disk."""
    artifacts = {
        (export.model, export.recipe, file.part, file.format): file.sha256
        for export in found
        for file in export.files
    }
    originals = {
        (model, ORIGINAL, part, training.form): training.weights_sha256
        for model, training in trainings.items()
        for part in ("encoder", "decoder", "autoencoder")
    }
    return {**artifacts, **originals}


def _model(
    name: str, found: Sequence[Export], bundles: Sequence[Bundle], training: Training | None
) -> Model:
    own = [export for export in found if export.model == name]
    weights = tuple(dict.fromkeys(_made_from(export, training) for export in own))
    if training is not None and not own:
        weights = (training.weights_sha256,)
    dataset = own[0].dataset if own else _dataset(training)
    return Model(
        name=name,
        weights_sha256=weights,
        float32_loss=_original_loss(own, training),
        dataset=dataset,
        dataset_note=_dataset_note(dataset["name"], training),
        description=training.description if training else None,
        parameters=training.parameters if training else None,
        retrained=training is not None and weights != (training.weights_sha256,),
        caution=_caution(name, bundles, training),
    )


def _made_from(export: Export, training: Training | None) -> str:
    """Return the identity of the weights that an export was made from.

    A bundle of imported files belongs to the original that was rebuilt from the same files.
    """
    is_own = training is not None and export.weights_sha256 == training.as_is_sha256
    if training is not None and is_own and export.recipe == AS_IS:
        return training.weights_sha256
    return export.weights_sha256


def _caution(name: str, bundles: Sequence[Bundle], training: Training | None) -> str:
    own = [item.manifest for item in bundles if item.manifest.model == name]
    told = [cautions.of_original(item) for item in own]
    if training is not None:
        told.append(cautions.of_training(training))
    return next(filter(None, told), "")


def _original_loss(own: Sequence[Export], training: Training | None) -> float | None:
    made = [export for export in own if export.recipe != AS_IS]
    if made:
        return made[0].figure("float32")
    if own and (training is None or training.file is None):
        return None  # imported files have no original
    return training.losses.get("test") if training else None


def _dataset(training: Training | None) -> dict[str, Any]:
    """Return the dataset of a model without exports, with the keys of a manifest."""
    said = training.dataset if training else {}
    return {"name": said.get("name", ""), "sha256": said.get("sha256", ""), "n": said.get("test")}


def _dataset_note(name: str, training: Training | None) -> str:
    """Return a note if the dataset is digits, which replaces MNIST; else an empty string."""
    if name != "digits":
        return ""
    if training is not None and training.dataset.get("data") == "auto":
        return "MNIST was not available"
    return "scikit-learn’s, not MNIST"


def _verdict(found: Sequence[Export]) -> Verdict:
    if not found:
        return Verdict("missing", "Nothing is exported yet: run `edgeae export`.", (), ())
    failed = tuple(export.name for export in found if export.verdict == "fail")
    missing = tuple(export.name for export in found if export.verdict == "missing")
    count = _count(len(found))
    if failed:
        told = f"{len(failed)} of {count} outside tolerance: {_names(failed)}."
        if missing:
            told += f" {len(missing)} not verified."
        return Verdict("fail", told, failed, missing)
    if len(missing) == len(found):
        told = f"{count} not verified yet: run `edgeae verify`."
        return Verdict("missing", told, failed, missing)
    if missing:
        told = f"{len(missing)} of {count} not verified yet: {_names(missing)}."
        return Verdict("missing", f"{told} The others are.", failed, missing)
    told = "1 export verified." if len(found) == 1 else f"All {count} verified."
    return Verdict("pass", told, failed, missing)


def _names(exports: Sequence[str]) -> str:
    """Return the first few names and the number of the others."""
    more = len(exports) - _TOLD
    return ", ".join(exports[:_TOLD]) + (f" and {more} more" if more > 0 else "")


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


def _tools(
    found: Sequence[Export], trainings: Mapping[str, Training]
) -> dict[str, tuple[str, ...]]:
    made = [*(export.tools for export in found), *(item.tools for item in trainings.values())]
    names = sorted({name for tools in made for name in tools})
    return {name: tuple(sorted({tools[name] for tools in made if name in tools})) for name in names}
