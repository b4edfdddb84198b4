"""Select what microcontrollers counted from the results rows: emulated cores, and boards."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgeae.summary.latency import Current
from edgeae.timing.board import call_ns, call_ticks
from edgeae.timing.emulated import is_counted, is_emulated
from edgeae.timing.results import Result
from edgeae.timing.sample_statistics import median
from edgeae.timing.suite import FILE


@dataclass(frozen=True)
class Microcontroller:
    """One artifact as C on one emulated core.

    Attributes:
        model, recipe, part, format, runtime, runtime_version, device: the artifact and the core;
            see `Result`.
        inputs, instructions, flash_bytes, ram_bytes, code_bytes, constants_bytes, arena_bytes,
            data_bytes, stack_bytes: see `Result`; None if there is an error.
        error: why there are no figures, such as a model that does not fit; empty if there are.
    """

    model: str
    recipe: str
    part: str
    format: str
    runtime: str
    runtime_version: str
    device: str
    inputs: int | None
    instructions: int | None
    flash_bytes: int | None
    ram_bytes: int | None
    code_bytes: int | None
    constants_bytes: int | None
    arena_bytes: int | None
    data_bytes: int | None
    stack_bytes: int | None
    error: str


@dataclass(frozen=True)
class Board:
    """One artifact as C on one board, which counted its calls.

    Attributes:
        model, recipe, part, format, runtime, runtime_version, software: the artifact and the board;
            see `Result`.
        device: the board's name; empty if an error was recorded without one.
        counts: number of counts; None if there is an error, as the figures from here on.
        block: calls of a count.
        ticks, least_ticks, most_ticks: ticks of a call: the median of the counts, the least and the
            most.
        tick, tick_hz: what a tick is, and the clock of the board's counter; see `Result`.
        call_ns: time of a call that follows from `ticks` and the clock; None for an emulator's
            ticks, and if the clock is unknown.
        error: why there are no figures; empty if there are.
    """

    model: str
    recipe: str
    part: str
    format: str
    runtime: str
    runtime_version: str
    device: str
    software: bool
    counts: int | None
    block: int | None
    ticks: float | None
    least_ticks: float | None
    most_ticks: float | None
    tick: str | None
    tick_hz: int | None
    call_ns: float | None
    error: str


def microcontrollers(rows: Iterable[Result], current: Current) -> tuple[Microcontroller, ...]:
    """Return the latest figures of everything on disk, by model, part, recipe and core.

    Args:
        rows: the oldest first.
        current: the hashes of the artifacts on disk.
    """
    latest = {
        (row.model, row.part, row.recipe, row.format, row.runtime): row
        for row in _on_disk(rows, current, is_emulated)
    }
    return tuple(_core(row) for _, row in sorted(latest.items()))


def boards(rows: Iterable[Result], current: Current) -> tuple[Board, ...]:
    """Return the latest counts of everything on disk, by model, part, recipe and board.

    Args:
        rows: the oldest first.
        current: the hashes of the artifacts on disk.
    """
    latest: dict[tuple[str, ...], Result] = {}
    for row in _on_disk(rows, current, _is_board):
        what = (row.model, row.part, row.recipe, row.format)
        # a failure that names no board is over once any board counted the artifact
        latest.pop((*what, ""), None)
        latest[(*what, row.device)] = row
    return tuple(_board(row) for _, row in sorted(latest.items()))


def _is_board(runtime: str) -> bool:
    return is_counted(runtime) and not is_emulated(runtime)


def _on_disk(
    rows: Iterable[Result], current: Current, counts: Callable[[str], bool]
) -> Iterable[Result]:
    """Yield the rows of bundles' artifacts as they are on disk, of the runtimes that are asked."""
    for row in rows:
        what = (row.model, row.recipe, row.part, row.format)
        if not row.model or row.recipe == FILE or not counts(row.runtime):
            continue
        if current.get(what) == row.artifact_sha256:
            yield row


def _core(row: Result) -> Microcontroller:
    return Microcontroller(
        model=row.model,
        recipe=row.recipe,
        part=row.part,
        format=row.format,
        runtime=row.runtime,
        runtime_version=row.runtime_version,
        device=row.device,
        inputs=row.inputs,
        instructions=row.instructions,
        flash_bytes=row.flash_bytes,
        ram_bytes=row.ram_bytes,
        code_bytes=row.code_bytes,
        constants_bytes=row.constants_bytes,
        arena_bytes=row.arena_bytes,
        data_bytes=row.data_bytes,
        stack_bytes=row.stack_bytes,
        error=row.error or "",
    )


def _board(row: Result) -> Board:
    ticks = call_ticks(row)
    return Board(
        model=row.model,
        recipe=row.recipe,
        part=row.part,
        format=row.format,
        runtime=row.runtime,
        runtime_version=row.runtime_version,
        device=row.device,
        software=row.software,
        counts=len(ticks) or None,
        block=(row.block or 1) if ticks else None,
        ticks=median(ticks) if ticks else None,
        least_ticks=min(ticks, default=None),
        most_ticks=max(ticks, default=None),
        tick=row.tick,
        tick_hz=row.tick_hz,
        call_ns=call_ns(row),
        error=row.error or ("" if ticks else "no counts"),
    )
