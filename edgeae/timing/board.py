"""Boards in a bench: which job is one's, what its worker may take, and the table of its counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgeae.errors import BadInput, ManifestMismatch
from edgeae.runtimes import RUNTIMES, Line
from edgeae.runtimes.c_serial import UNITS, is_held
from edgeae.runtimes.serial_protocol import CYCLE, EMULATED, TIMER
from edgeae.text.amounts import duration, frequency, ticks
from edgeae.text.columns import align
from edgeae.timing.results import Result
from edgeae.timing.sample_statistics import median
from edgeae.timing.suite import FILE, Job

#: The module of the worker.
WORKER = "edgeae.timing.board_worker"
#: Most calls of a worker for which a board may take as long as it is given.
_CALLS = 100
#: Explains the table.
METHOD = (
    "A board counts around each call, without the line; the figure is the median. Its time follows "
    "from the clock that its firmware states. No time of this machine is comparable."
)
_HEAD = ("model/recipe", "part", "runtime", "board", "counts", "a call", "of", "range", "time")


def on_line(jobs: Sequence[Job], line: Line | None) -> list[Job]:
    """Return jobs; those of boards know their line.

    Raises:
        BadInput: the jobs of the board are of several models.
    """
    if line is None:
        return list(jobs)
    models = {(job.model, job.recipe) for job in jobs if RUNTIMES[job.runtime].on_line}
    if len(models) > 1:
        raise BadInput(
            f"--port {line.port}: a board runs one model; name one of the {len(models)} here"
        )
    return [replace(job, line=line) if RUNTIMES[job.runtime].on_line else job for job in jobs]


def checked(found: dict[str, Any], runtime: str, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what a runtime's probe found; an error if a board holds nothing that is asked for."""
    holds = found.get("holds", ())
    mine = [job for job in jobs if job.runtime == runtime]
    if not holds or any(is_held(job.artifact, holds) for job in mine):
        return found
    told = f"the board {found['device']} runs another model than {mine[0].name}: no hash is equal"
    return {"error": told, "code": ManifestMismatch.code}


def timeout_s(line: Line, usual_s: float) -> float:
    """Return the longest duration of a board's worker, in seconds."""
    return usual_s + _CALLS * line.answer_s


def call_ticks(row: Result) -> list[float]:
    """Return the ticks of a call, for each count of a board's row."""
    return [count / (row.block or 1) for count in row.ticks]


def call_ns(row: Result) -> float | None:
    """Return the time of a call on a board that follows from the median count and the clock.

    It is None for an emulator, whose ticks are no time, and if the clock is unknown.
    """
    if not row.ticks or row.tick not in (CYCLE, TIMER) or not row.tick_hz:
        return None
    return median(call_ticks(row)) / row.tick_hz * 1e9


def render_board(rows: Sequence[Result]) -> list[str]:
    """Return the lines of the table: the latest row of each artifact on each board; or no lines."""
    latest = {
        (row.model, row.recipe, row.part, row.format, row.device): row for row in rows if row.ticks
    }
    if not latest:
        return []
    ordered = sorted(latest.values(), key=lambda row: (row.model, row.part, row.device))
    return [align([_HEAD, *map(_cells, ordered)], left=4), METHOD]


def _cells(row: Result) -> list[str]:
    each = call_ticks(row)
    name = row.model if row.recipe == FILE else f"{row.model}/{row.recipe}"
    return [
        *(name, f"{row.part}.{row.format}", row.runtime, row.device),
        *(f"{len(each):,}", ticks(median(each)), UNITS[row.tick or EMULATED]),
        *(f"{ticks(min(each))} – {ticks(max(each))}", _time(row)),
    ]


def _time(row: Result) -> str:
    """Return the time that a call takes on the board; nothing if its ticks are no time."""
    passed_ns = call_ns(row)
    return "" if passed_ns is None else f"{duration(passed_ns)} at {frequency(row.tick_hz)}"
