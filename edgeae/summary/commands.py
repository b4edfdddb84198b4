"""The commands that reproduce every figure of a report."""

import shlex
from collections.abc import Callable, Mapping, Sequence

from edgeae.artifacts.model import IMPORTED, TRAIN, Training
from edgeae.data import asked_of
from edgeae.detect.result import Detection
from edgeae.errors import BadInput
from edgeae.summary.exports import Export
from edgeae.summary.microcontrollers import Board, Microcontroller

#: Returns the words of the command that trains a model again.
Retrain = Callable[[Training], Sequence[str]]

#: Keys of the configuration that an import's command needs.
_ASKED = ("source", "data", "train_data", "normalization", "code_layer")


def commands(
    found: Sequence[Export],
    trainings: Mapping[str, Training],
    probed: Sequence[str],
    sampled: Sequence[str],
    detections: Sequence[Detection],
    counted: Sequence[Microcontroller | Board],
    retrain: Retrain,
) -> tuple[str, ...]:
    """Return the command lines, in the order in which they must run.

    No file knows the port of a board: `PORT` stands for it.

    Args:
        found: the exports.
        trainings: model → its `train.json`.
        probed, sampled: models that have a probe, and models that have samples.
        detections: the bundles that were judged as anomaly detectors.
        counted: what emulated cores and boards counted.
        retrain: see `Retrain`.
    """
    made = []
    for model, training in trainings.items():
        words = _import(training) if training.family == IMPORTED else [*retrain(training)]
        made.append(shlex.join([*words, *(["--probe"] if model in probed else [])]))
    drawn = [shlex.join(["edgeae", "sample", model]) for model in sampled]
    exported = _exports(found, trainings)
    checks = ["edgeae verify", *map(_detect, detections), "edgeae bench"] if found else []
    return (*made, *drawn, *exported, *checks, *_counted(counted), "edgeae report")


def _counted(found: Sequence[Microcontroller | Board]) -> list[str]:
    """Return a command for each set of cores that ran the same bundles, and for each board's."""
    cores: dict[str, list[str]] = {}
    for item in found:
        if isinstance(item, Microcontroller):
            cores.setdefault(f"build/{item.model}/{item.recipe}", []).append(item.runtime)
    together: dict[tuple[str, ...], list[str]] = {}
    for bundle, runtimes in cores.items():
        together.setdefault(tuple(dict.fromkeys(runtimes)), []).append(bundle)
    on_boards = dict.fromkeys(
        f"build/{item.model}/{item.recipe}" for item in found if isinstance(item, Board)
    )
    return [
        *(
            shlex.join(["edgeae", "bench", *bundles, *_each("--runtime", runtimes)])
            for runtimes, bundles in together.items()
        ),
        # a board runs one model at a time
        *(shlex.join(["edgeae", "bench", bundle, "--port", "PORT"]) for bundle in on_boards),
    ]


def _detect(found: Detection) -> str:
    """Return the command that judges a bundle as an anomaly detector again."""
    words = ["edgeae", "detect", f"build/{found.name}"]
    options = {
        "--data": found.data,
        "--test": found.test,
        "--label": found.label,
        "--normal": found.normal,
        "--false-alarms": f"{found.false_alarms:g}",
        "--score": found.score,
    }
    for option, value in options.items():
        if value is not None:
            words += [option, value]
    return shlex.join([*words, *_each("--runtime", found.runtimes or ())])


def _import(training: Training) -> list[str]:
    """Return the words of the import command that `edgeae.importing.request` recorded.

    Raises:
        BadInput: the configuration lacks a key.
    """
    asked = training.configuration
    missing = [key for key in _ASKED if key not in asked]
    if missing:
        raise BadInput(f"{training.model}/{TRAIN}: damaged: configuration lacks {missing[0]!r}")
    words = ["edgeae", "import", *asked["source"], "--data", str(asked["data"])]
    normalization = asked["normalization"] or {}
    options = {
        "--train-data": asked["train_data"],
        "--scale": normalization.get("scale"),
        "--offset": normalization.get("offset"),
        "--code-layer": asked["code_layer"],
    }
    for option, value in options.items():
        if value is not None:
            words += [option, str(value)]
    return [*words, *asked_of(training).words(), "--name", training.model]


def _exports(found: Sequence[Export], trainings: Mapping[str, Training]) -> list[str]:
    """Return an export command for each set of models with the same recipes and settings.

    A model without an original is left out, because its import makes its bundle.
    """
    asked: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for export in found:
        if export.model in trainings and trainings[export.model].file is None:
            continue
        name, settings = export.said
        # `--set` applies to every recipe of a command
        asked.setdefault((export.model, settings), []).append(name)
    together: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (model, settings), names in asked.items():
        together.setdefault((tuple(names), settings), []).append(model)
    return [
        shlex.join(["edgeae", "export", *models, *_each("-r", names), *_each("--set", settings)])
        for (names, settings), models in together.items()
    ]


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
