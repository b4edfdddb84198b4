"""How long a sweep will take: from the times of trainings and exports that this build records.

`train.json` has the seconds of each training; `exports.jsonl` those of each export on this machine.
"""

import contextlib
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import MANIFEST, open_bundle
from edgeae.artifacts.model import IMPORTED, TRAIN, Training, open_model
from edgeae.conversion.plan.durations import Durations, Expected
from edgeae.conversion.plan.export import ExportCell, settle
from edgeae.errors import EdgeaeError
from edgeae.reading.names import RESULTS
from edgeae.runtimes import formats
from edgeae.sweep.latency import timed_before
from edgeae.sweep.measure import counted_before
from edgeae.sweep.plan import Cell, Model, Plan
from edgeae.sweep.standing import Source, beyond, export_cell, trained
from edgeae.system.machine import cores, named
from edgeae.timing.results import read_results

#: Seconds of a training's process beside what `train.json` records: TensorFlow starts.
_START_S = 6.0


@dataclass(frozen=True)
class Stage:
    """What one stage of a sweep has to do.

    Attributes:
        total: number of models or bundles.
        left: those that are not up to date.
        estimated: those of `left` whose time can be told from recorded times.
        core_s: seconds of these, times the cores that each takes.
    """

    total: int
    left: int
    estimated: int = 0
    core_s: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """What a sweep has to do.

    Attributes:
        train, export, measure: its stages. A model that is not trained yet may turn out to be
            beyond its budget; its bundles are counted. `measure` has no times.
        cores: processors of this machine.
    """

    train: Stage
    export: Stage
    measure: Stage
    cores: int

    @property
    def core_hours(self) -> float:
        """Core-hours of what can be told."""
        return (self.train.core_s + self.export.core_s) / 3600

    @property
    def untold(self) -> int:
        """The number of trainings and exports of which no time is recorded."""
        return sum(stage.left - stage.estimated for stage in (self.train, self.export))

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as JSON types."""
        return {**asdict(self), "core_hours": self.core_hours}


def forecast(
    plan: Plan, build: Path, found: dict[str, Source], say: Callable[[str], None]
) -> Forecast:
    """Return what a sweep has to do; nothing is trained or exported.

    Args:
        plan: the sweep.
        build: folder of models.
        found: the datasets; see `standing.sources`.
        say: receives one line if recorded times cannot be read.
    """
    models = plan.models
    there = trained(models, build, found)
    left = [model for model in models if model.name not in there]
    trainings = _timed(_trainings(left, build, found))
    train = Stage(len(models), len(left), *trainings)
    limit = plan.file.budget.loss
    within = [
        cell
        for cell in plan.cells
        if cell.model.name not in there or not beyond(there[cell.model.name], limit)
    ]
    stale = _stale(within, build, there)
    exports = _timed(_exports(stale, there, Durations(build, say)))
    export = Stage(len(plan.cells), len(stale), *exports)
    return Forecast(train, export, _measure(plan, within, stale, build), cores())


def _measure(plan: Plan, within: list[Cell], stale: list[Cell], build: Path) -> Stage:
    """Return what is to be counted; what may turn out to be beyond its budget is counted too."""
    evaluate = plan.file.evaluate
    known: list[tuple[Mapping[str, object], tuple[str, ...]]] = []
    if evaluate.core:
        known.append((counted_before(build, evaluate.core), ("tflite",)))
    if evaluate.runtime and not evaluate.on:  # what a worker timed before is not known here
        rows = read_results(build / RESULTS)
        known.append((timed_before(rows, evaluate.runtime, named()), formats(evaluate.runtime)))
    elif evaluate.runtime:
        known.append(({}, formats(evaluate.runtime)))
    missing = {cell.name for cell in stale}
    left = len(missing) * len(known)
    for cell in within:
        link = export_cell(cell, build).link
        if cell.name in missing or not (link / MANIFEST).exists():
            continue
        held = open_bundle(link).manifest.artifacts
        for before, forms in known:
            files = [item for item in held if (item.part, item.format) == (evaluate.part, forms[0])]
            left += not any(item.sha256 in before for item in files)
    return Stage(len(within) * len(known), left)


def _timed(seconds: Iterator[float | None]) -> tuple[int, float]:
    known = [item for item in seconds if item is not None]
    return len(known), sum(known)


def _trainings(
    models: list[Model], build: Path, found: dict[str, Source]
) -> Iterator[float | None]:
    """Yield the core-seconds of each training; None if no training is recorded."""
    paces = _paces(build) if models else {}
    medians = {family: statistics.median(known) for family, known in paces.items()}
    every = statistics.median(medians.values()) if medians else None
    most = cores()
    for model in models:
        pace = medians.get(model.settings.family, every)
        if pace is None:
            yield None
            continue
        seconds = _START_S + pace * model.settings.epochs * found[model.data].rows
        yield seconds * min(model.settings.threads, most)


def _paces(build: Path) -> dict[str, list[float]]:
    """Return family → seconds per row and epoch, of each training in a folder of models."""
    paces: dict[str, list[float]] = {}
    for path in build.glob(f"*/{TRAIN}"):
        with contextlib.suppress(EdgeaeError):
            training = open_model(path.parent)
            rows = training.dataset.get("train", 0) * len(training.curve)
            if training.family != IMPORTED and rows:
                paces.setdefault(training.family, []).append(training.seconds / rows)
    return paces


def _stale(cells: list[Cell], build: Path, there: Mapping[str, Training]) -> list[Cell]:
    """Return the cells whose bundle is not up to date, or whose model is not there yet."""
    by_link = {export_cell(cell, build).link: cell for cell in cells}
    asked: list[ExportCell] = [
        export_cell(cell, build) for cell in cells if cell.model.name in there
    ]
    settled, _ = settle(asked, named=False, force=False)
    done = {by_link[item.cell.link].name for item in settled}
    return [cell for cell in cells if cell.name not in done]


def _exports(
    cells: list[Cell], there: Mapping[str, Training], durations: Durations
) -> Iterator[float | None]:
    """Yield the core-seconds of each export; as many exports as cores run at once.

    They are those of the same export, else the median of those under its recipe, else what a
    trained model's multiply-accumulates take; None if there is neither.
    """
    plans = {cell.recipe.name: cell.recipe for cell in cells}
    usual = {name: durations.usual(plan) for name, plan in plans.items()}
    for cell in cells:
        training = there.get(cell.model.name)
        own = Expected(None) if training is None else durations.expected(training, cell.recipe)
        median = None if own.recorded else usual[cell.recipe.name]
        yield own.seconds if median is None else median
