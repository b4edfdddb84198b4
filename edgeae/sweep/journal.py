"""The journal of a sweep, `build/sweeps/NAME.jsonl`: what happened to each model and bundle."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgeae.errors import BadInput, EdgeaeError, about
from edgeae.reading import typed
from edgeae.reading.json_lines import append_line, read_lines

_SCHEMA = 1
#: Stages of a sweep.
TRAIN, EXPORT, MEASURE, TIME = "train", "export", "measure", "time"
#: The stage of what happens to the command itself.
SWEEP = "sweep"
STARTED, INTERRUPTED, FAILED, ENDED = "started", "interrupted", "failed", "ended"
#: Events that nothing has to be done for; they are written once, not by each run of the sweep.
CURRENT, OVER, LEFT_OUT = "up to date", "over budget", "left out"
#: Events after which a cell is up to date.
MADE = (CURRENT, "trained", "exported", "measured")
#: Format of times.
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Event:
    """One line of the journal: something happened to a model, to a bundle, or to the sweep.

    Attributes:
        schema: schema of the line: 1.
        time: when, in UTC, as `2026-01-31T12:00:00Z`.
        cell: the model's name, or `model/recipe`; empty for the sweep.
        stage: `train`, `export`, `measure` or `time`, or `sweep` for the command itself.
        event: how a stage ended: `up to date`, `trained`, `exported`, `measured`, `over budget`,
            `left out`, `not measured` or `failed`; on a cluster also `sent` when a worker gets it,
            and `lost` when that worker is lost; of the sweep: `started`, `interrupted`, `failed`
            or `ended`.
        reason: why, in one line; or empty.
        code: the exit code of a failure, else 0.
        seconds: how long the child process ran; 0 without one.
        worker: the name of the worker, for `sent` and `lost`; where tasks run, for `started`.
    """

    schema: int
    time: str
    cell: str
    stage: str
    event: str
    reason: str = ""
    code: int = 0
    seconds: float = 0.0
    worker: str = ""


class Journal:
    """Appends to the journal, each line flushed to the disk.

    Args:
        path: its file; a line that was cut off by a kill is removed by the next append.
        say: receives one line if the file cannot be read; it is only appended to then.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._last: dict[tuple[str, str], tuple[str, str]] = {}
        try:
            self._last = {(item.cell, item.stage): (item.event, item.reason) for item in read(path)}
        except BadInput as error:
            say(f"{error}; the sweep goes on without it")

    def add(
        self, cell: str, stage: str, event: str, reason: str = "", code: int = 0, seconds: float = 0
    ) -> None:
        """Append an event, unless it only repeats that nothing had to be done."""
        known, why = self._last.get((cell, stage), ("", ""))
        made = event == CURRENT and known in MADE
        if made or (event in (OVER, LEFT_OUT) and (known, why) == (event, reason)):
            return
        self._append(cell, stage, event, reason, code, seconds)
        self._last[cell, stage] = (event, reason)

    def moved(self, stage: str) -> Callable[[str, str, str], None]:
        """Return the function that appends what happens to a stage of cells on a cluster.

        It takes a cell's name, `task.SENT` or `task.LOST`, and the worker's name.
        """
        return lambda cell, event, worker: self._append(cell, stage, event, worker=worker)

    @contextlib.contextmanager
    def running(self, where: str) -> Iterator[None]:
        """Append that the command starts, and how it ended; a kill leaves the start alone.

        Args:
            where: where its tasks run, such as `local`.
        """
        self._append("", SWEEP, STARTED, worker=where)
        try:
            yield
        except EdgeaeError as error:
            self._append("", SWEEP, FAILED, str(error), error.code)
            raise
        except KeyboardInterrupt:
            self._append("", SWEEP, INTERRUPTED)
            raise
        self._append("", SWEEP, ENDED)

    def _append(
        self,
        cell: str,
        stage: str,
        event: str,
        reason: str = "",
        code: int = 0,
        seconds: float = 0.0,
        worker: str = "",
    ) -> None:
        time = datetime.now(UTC).strftime(STAMP)
        row = Event(_SCHEMA, time, cell, stage, event, reason, code, round(seconds, 3), worker)
        append_line(self._path, asdict(row))


def read(path: Path) -> list[Event]:
    """Return the events, the oldest first; none if the file is missing.

    Raises:
        BadInput: a line is not an event.
    """
    events = []
    for place, table in read_lines(path, "an event of a sweep"):
        with about(f"{place}: not an event of a sweep"):
            events.append(typed.build(Event, typed.check_schema(table, _SCHEMA)))
    return events
