"""How far a sweep is: from its journal and its lock, while it runs in another process or after.

This needs no TensorFlow, opens no bundle, and disturbs no sweep.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import MANIFEST
from edgeae.artifacts.model import TRAIN as MODEL_FILE
from edgeae.scheduling.task import LOST, SENT
from edgeae.sweep.journal import (
    EXPORT,
    MADE,
    MEASURE,
    STAMP,
    STARTED,
    SWEEP,
    TIME,
    TRAIN,
    Event,
    read,
)
from edgeae.sweep.plan import Plan
from edgeae.sweep.result import FAILED, place
from edgeae.system import atomic

#: Events that a child process ended with; the others only say that nothing had to be done.
_WORKED = ("trained", "exported", "measured", FAILED)
#: The least number of ended tasks that a rate is told from.
_LEAST = 3


@dataclass(frozen=True)
class Stage:
    """How far a stage is, as its journal and its files tell.

    Attributes:
        total: number of models or bundles in the sweep's file; 0 measurements without a core, and
            0 latencies without a runtime.
        ready: those whose last event says that they are up to date, and whose file is there.
        failed: those whose last event is a failure. While the sweep runs, failures of an earlier
            run count as left, since they are tried again.
        ended: those that a budget ended, that are left out or cannot be measured, or whose
            model or bundle failed or ended.
        left: the others, those that a worker of a cluster has included.
    """

    total: int
    ready: int
    failed: int
    ended: int
    left: int


@dataclass(frozen=True)
class Running:
    """The process that runs the sweep.

    Attributes:
        process: its number, as text.
        where: where its tasks run: `local`, `dask` or a scheduler's address; empty if the journal
            does not tell yet.
        since: when it began, in UTC, as `2026-01-31T12:00:00Z`.
        seconds: how long ago that was.
    """

    process: str
    where: str
    since: str
    seconds: float


@dataclass(frozen=True)
class Pace:
    """How fast the stage that this run is in goes.

    Attributes:
        stage: `train`, `export`, `measure` or `time`.
        ended: number of its models or bundles that ended in this run, failed ones included.
        seconds: from the beginning of the stage in this run until now.
        left_s: seconds for those that are left in this stage, at the same pace.
    """

    stage: str
    ended: int
    seconds: float
    left_s: float


@dataclass(frozen=True)
class Status:
    """How far a sweep is.

    Attributes:
        name: name of the sweep.
        running: who runs it; None if no process does.
        stages: `train`, `export`, `measure` and `time` → how far each is.
        failed: the last event of each model and bundle that counts as failed.
        sent: of each model and bundle that a worker of a cluster has: when it was sent, and where.
        lost: how often this run, or the last one, lost a worker that had one.
        end: how the last run ended: `interrupted`, `failed` or `ended`; `started` for one that is
            running or was killed; None if there was none.
        last: the latest event of a model or a bundle that is no mere `sent` or `lost`; or None.
        ago_s: seconds since then; None without one.
        pace: how fast it goes; None if the sweep does not run, or too little has ended to tell.
        result: path of the result of the last run that ended; None if there is none.
    """

    name: str
    running: Running | None
    stages: dict[str, Stage]
    failed: tuple[Event, ...]
    sent: tuple[Event, ...]
    lost: int
    end: Event | None
    last: Event | None
    ago_s: float | None
    pace: Pace | None
    result: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the status as JSON types."""
        return asdict(self)


def status(plan: Plan, build: Path, now: float) -> Status:
    """Return how far a sweep is.

    Args:
        plan: the sweep.
        build: folder of models.
        now: the time, in seconds since 1970.

    Raises:
        BadInput: the journal is damaged.
    """
    file = place(build, plan.name)
    lock = file.with_name(f".{plan.name}.lock")
    process = atomic.holder(lock)  # before the journal: who has begun since is seen the next time
    events = read(file.with_suffix(".jsonl"))
    first = next((n for n in reversed(range(len(events))) if events[n].event == STARTED), 0)
    running = None
    if process is not None:
        begun = lock.stat().st_mtime  # the process wrote its number when it began
        if not events or _time(events[first]) < int(begun):
            first = len(events)  # it has not written to the journal yet
        running = _running(process, begun, events[first : first + 1], now)
    run = events[first:]
    ended = _Ended(plan, build, events, run if running else events)
    stages = ended.stages()
    last = next((item for item in reversed(events) if _is_end(item)), None)
    return Status(
        name=plan.name,
        running=running,
        stages=stages,
        failed=tuple(ended.failed),
        sent=tuple(ended.sent) if running else (),
        lost=sum(item.event == LOST for item in run),
        end=next((item for item in reversed(events) if item.stage == SWEEP), None),
        last=last,
        ago_s=None if last is None else max(0.0, now - _time(last)),
        pace=_pace(run, stages, now - running.seconds, now) if running else None,
        result=str(file) if file.exists() else None,
    )


def _is_end(event: Event) -> bool:
    """Return whether an event is how a stage of a model or of a bundle ended."""
    return event.stage != SWEEP and event.event not in (SENT, LOST)


def _running(process: str, begun: float, started: Sequence[Event], now: float) -> Running:
    since = datetime.fromtimestamp(begun, UTC).strftime(STAMP)
    where = started[0].worker if started else ""
    return Running(process, where, since, max(0.0, now - begun))


def _time(event: Event) -> float:
    return datetime.strptime(event.time, STAMP).replace(tzinfo=UTC).timestamp()


class _Ended:
    """Which models and bundles have ended, and how.

    Args:
        plan, build: see `status`.
        events: the journal.
        run: those of its events whose failures count.
    """

    def __init__(
        self, plan: Plan, build: Path, events: Sequence[Event], run: Sequence[Event]
    ) -> None:
        self._plan, self._build = plan, build
        self._last = {(item.stage, item.cell): item for item in events}
        self._now = {(item.stage, item.cell) for item in run}
        self._stopped: set[tuple[str, str]] = set()
        self.failed: list[Event] = []
        self.sent: list[Event] = []

    def stages(self) -> dict[str, Stage]:
        """Return how far each stage is."""
        names, cells = [model.name for model in self._plan.models], self._plan.cells
        evaluate = self._plan.file.evaluate
        made = [(cell.name, (TRAIN, cell.model.name), MANIFEST) for cell in cells]
        # the figures of all bundles are in one file, which says nothing of one of them
        figures = [(cell.name, (EXPORT, cell.name), "") for cell in cells]
        return {
            TRAIN: self._stage(TRAIN, [(name, ("", ""), MODEL_FILE) for name in names]),
            EXPORT: self._stage(EXPORT, made),
            MEASURE: self._stage(MEASURE, figures if evaluate.core else []),
            TIME: self._stage(TIME, figures if evaluate.runtime else []),
        }

    def _stage(self, stage: str, items: Iterable[tuple[str, tuple[str, str], str]]) -> Stage:
        """Count a stage.

        Args:
            stage: its name.
            items: of each model or bundle: its name, stage and name of what it is made from, and
                its file.
        """
        counts = Counter(self._state(stage, *item) for item in items)
        kinds = [counts[key] for key in ("ready", "failed", "ended", "left")]
        return Stage(sum(kinds), *kinds)

    def _state(self, stage: str, name: str, source: tuple[str, str], file: str) -> str:
        if source in self._stopped:
            self._stopped.add((stage, name))
            return "ended"
        event = self._last.get((stage, name))
        if event is None:
            return "left"
        if event.event in MADE:
            return "ready" if not file or (self._build / name / file).exists() else "left"
        if event.event in (SENT, LOST, FAILED) and (stage, name) not in self._now:
            return "left"
        if event.event in (SENT, LOST):
            self.sent += [event] if event.event == SENT else []
            return "left"
        self._stopped.add((stage, name))
        if event.event == FAILED:
            self.failed.append(event)
            return "failed"
        return "ended"


def _pace(run: Sequence[Event], stages: dict[str, Stage], began: float, now: float) -> Pace | None:
    """Return the pace of the stage that the latest work of a run belongs to.

    Args:
        run: the events of the run.
        stages: how far each stage is.
        began: when the run began.
        now: see `status`.
    """
    worked = [item for item in run if item.event in _WORKED and item.stage != SWEEP]
    if not worked:
        return None
    stage = worked[-1].stage
    own = [item for item in worked if item.stage == stage]
    seconds = now - max([began, *_before(worked, stage)])
    if len(own) < _LEAST or seconds <= 0 or not stages[stage].left:
        return None
    return Pace(stage, len(own), seconds, stages[stage].left * seconds / len(own))


def _before(worked: Sequence[Event], stage: str) -> Iterator[float]:
    """Yield the times of what ended in other stages before the first of a stage."""
    for item in worked:
        if item.stage == stage:
            return
        yield _time(item)
