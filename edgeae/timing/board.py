"""Boards in a bench: which job is one's, what its worker may take, and the table of its counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgeae.errors import BadInput, ManifestMismatch
from edgeae.runtimes import RUNTIMES, Line
from edgeae.runtimes.c_serial import UNITS, is_held
from edgeae.runtimes.serial_protocol import EMULATED
from edgeae.text.amounts import duration
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
    each = [count / (row.block or 1) for count in row.ticks]
    name = row.model if row.recipe == FILE else f"{row.model}/{row.recipe}"
    return [
        *(name, f"{row.part}.{row.format}", row.runtime, row.device),
        *(f"{len(each):,}", f"{median(each):,.0f}", UNITS[row.tick or EMULATED]),
        *(f"{min(each):,.0f} – {max(each):,.0f}", _time(row, median(each))),
    ]


def _time(row: Result, count: float) -> str:
    """Return the time that a count is on the board; nothing for an emulator's."""
    if row.tick == EMULATED or not row.tick_hz:
        return ""
    return f"{duration(count / row.tick_hz * 1e9)} at {row.tick_hz / 1e6:g} MHz"
