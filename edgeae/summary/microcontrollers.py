"""Select the exact figures on emulated cores from the results rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from edgeae.summary.latency import Current
from edgeae.timing.emulated import is_emulated
from edgeae.timing.results import Result
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


def microcontrollers(rows: Iterable[Result], current: Current) -> tuple[Microcontroller, ...]:
    """Return the latest figures of everything on disk, by model, part, recipe and core.

    Args:
        rows: the oldest first.
        current: the hashes of the artifacts on disk.
    """
    latest: dict[tuple[str, ...], Result] = {}
    for row in rows:
        what = (row.model, row.recipe, row.part, row.format)
        if not row.model or row.recipe == FILE or not is_emulated(row.runtime):
            continue
        if current.get(what) == row.artifact_sha256:
            latest[(row.model, row.part, row.recipe, row.format, row.runtime)] = row
    return tuple(_figures(row) for _, row in sorted(latest.items()))


def _figures(row: Result) -> Microcontroller:
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
