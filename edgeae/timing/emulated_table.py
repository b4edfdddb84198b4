"""The table of exact figures on emulated cores: instructions, flash and RAM."""

from collections.abc import Sequence

from edgeae.text.amounts import size
from edgeae.text.columns import align
from edgeae.timing.results import Result
from edgeae.timing.suite import FILE

#: Explains the table.
METHOD = (
    "Instructions are exact: those of one inference, the mean over the inputs; they are no cycles. "
    "Flash is code and constants; RAM is arena, data and stack, beside the caller's input and "
    "output."
)
_HEAD = (
    *("model/recipe", "part", "runtime", "inputs", "instructions"),
    *("flash", "code", "constants", "RAM", "arena", "data", "stack"),
)


def render_emulated(rows: Sequence[Result]) -> list[str]:
    """Return the lines of the table: the latest row of each artifact on each core; or no lines."""
    latest = {
        (row.model, row.recipe, row.part, row.format, row.runtime): row
        for row in rows
        if row.instructions is not None
    }
    if not latest:
        return []
    ordered = sorted(latest.values(), key=lambda row: (row.model, row.part, row.runtime))
    return [align([_HEAD, *map(_cells, ordered)], left=3), METHOD]


def _cells(row: Result) -> list[str]:
    name = row.model if row.recipe == FILE else f"{row.model}/{row.recipe}"
    counts = (row.inputs, row.instructions)
    taken = (row.flash_bytes, row.code_bytes, row.constants_bytes)
    needed = (row.ram_bytes, row.arena_bytes, row.data_bytes, row.stack_bytes)
    return [
        *(name, f"{row.part}.{row.format}", row.runtime),
        *(f"{count:,}" for count in counts),
        *(size(amount or 0) for amount in (*taken, *needed)),
    ]
