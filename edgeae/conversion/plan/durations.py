"""How long an export takes: as the last time on this machine, else by what it has to compute.

`exports.jsonl`, beside the models, has a line for each export, as it ends.
"""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.conversion.plan.work import BATCH, Work
from edgeae.errors import BadInput, about
from edgeae.reading import typed
from edgeae.reading.json_lines import append_line, read_lines
from edgeae.recipe import Recipe
from edgeae.system import machine
from edgeae.text.amounts import clock_time

#: The file, in the folder of models.
EXPORTS = "exports.jsonl"
_SCHEMA = 1
#: Seconds of an export that computes nothing: TensorFlow starts, and two converters run.
_START_S = 6.0
#: Multiply-accumulates in a second, of a run in TensorFlow or in C: between those of a model of
#: 4.5 million (13e9) and of one of 58 million (5e9).
_RUNS = 8e9
#: Multiply-accumulates in a second of training, and the seconds that a step takes beside them.
_TRAINS, _STEP_S = 2e10, 1.2e-3
#: A training step computes each product three times: forwards, and for two gradients.
_PASSES = 3
#: Runs of the model over the images: the original's, and the export's.
_TIMES = 2


@dataclass(frozen=True)
class Expected:
    """The time that an export will take.

    Attributes:
        seconds: the time, in seconds; None if it cannot be estimated.
        recorded: whether the same export was made on this machine before.
    """

    seconds: float | None
    recorded: bool = False

    def to_text(self) -> str:
        """Return the time in words: `about 40 s, as last time`."""
        if self.seconds is None:
            return "no estimate of its time: the model's multiply-accumulates are not recorded"
        source = "as last time" if self.recorded else "by its multiply-accumulates"
        return f"about {clock_time(self.seconds)}, {source}"


@dataclass(frozen=True)
class ExportTime:
    """How long one export took.

    Attributes:
        schema: schema of the line: 1.
        model, recipe: their names.
        weights_sha256, recipe_sha256: what was exported.
        machine: processor, cores, architecture and bytes of memory of the machine.
        at_once: number of exports that ran at the same time, at most.
        work_s: the seconds that its multiply-accumulates take on a common machine; null if they are
            not known.
        seconds: how long it took, in seconds.
    """

    schema: int
    model: str
    recipe: str
    weights_sha256: str
    recipe_sha256: str
    machine: list[Any]
    at_once: int
    work_s: float | None
    seconds: float


class Durations:
    """The exports that were made with the models of one folder.

    Args:
        build: the folder.
        say: receives one line if the folder's file cannot be read; it is then not used.
    """

    def __init__(self, build: Path, say: Callable[[str], None]) -> None:
        self._file = build / EXPORTS
        self._machine = list(machine.hardware(machine.describe()))
        self._rows: list[ExportTime] = []
        try:
            self._rows = [row for row in self._read() if row.machine == self._machine]
        except BadInput as error:
            say(f"{error}; times are estimated without it")

    def _read(self) -> Iterator[ExportTime]:
        for place, table in read_lines(self._file, "the row of an export"):
            with about(f"{place}: not the row of an export"):
                yield typed.build(ExportTime, typed.check_schema(table, _SCHEMA))

    def expected(self, training: Training, recipe: Recipe) -> Expected:
        """Return how long an export of a model under a recipe will take."""
        same = (training.weights_sha256, recipe.sha256)
        for row in reversed(self._rows):
            if (row.weights_sha256, row.recipe_sha256) == same:
                return Expected(row.seconds, recorded=True)
        seconds = work_seconds(Work.of(training, recipe))
        return Expected(None if seconds is None else seconds * self._pace())

    def usual(self, recipe: Recipe) -> float | None:
        """Return the median seconds of the exports under a recipe, of any model; None if none."""
        sha256 = recipe.sha256
        seconds = [row.seconds for row in self._rows if row.recipe_sha256 == sha256]
        return statistics.median(seconds) if seconds else None

    def _pace(self) -> float:
        """Return the usual ratio of the time of an export on this machine to that of its work."""
        ratios = [row.seconds / row.work_s for row in self._rows if row.work_s]
        return statistics.median(ratios) if ratios else 1.0

    def record(self, training: Training, recipe: Recipe, at_once: int, seconds: float) -> None:
        """Add an export that has ended.

        Args:
            training, recipe: what was exported.
            at_once: number of exports that ran at the same time.
            seconds: how long it took.
        """
        row = ExportTime(
            schema=_SCHEMA,
            model=training.model,
            recipe=recipe.name,
            weights_sha256=training.weights_sha256,
            recipe_sha256=recipe.sha256,
            machine=self._machine,
            at_once=at_once,
            work_s=work_seconds(Work.of(training, recipe)),
            seconds=round(seconds, 3),
        )
        append_line(self._file, asdict(row))


def work_seconds(work: Work) -> float | None:
    """Return the seconds of an export's work on a common machine; None if it is not known.

    The constants come from exports of the families on MNIST, on two cores of a server.
    """
    if work.macs is None:
        return None
    runs = work.macs * (_TIMES * work.test + work.representative) / _RUNS
    step = _STEP_S + _PASSES * BATCH * work.macs / _TRAINS
    return _START_S + runs + 2 * work.steps * step  # its control trains as many steps


def total(expected: list[Expected], at_once: int) -> Expected:
    """Return how long several exports take, of which so many run at once."""
    known = [item.seconds for item in expected if item.seconds is not None]
    if len(known) < len(expected):
        return Expected(None)
    together = max(*known, sum(known) / at_once)
    return Expected(together, recorded=all(item.recorded for item in expected))
