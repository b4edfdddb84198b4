"""Render the figures on emulated cores as Markdown."""

from collections.abc import Sequence

from edgeae.report import figures
from edgeae.summary.microcontrollers import Microcontroller
from edgeae.text.markdown import plain, table

_HEAD = (
    *("model", "recipe", "part", "core", "instructions"),
    *("flash", "code", "constants", "RAM", "arena", "data", "stack"),
)


def microcontrollers(found: Sequence[Microcontroller]) -> list[str]:
    """Return the section's blocks; no blocks if no core ran anything."""
    if not found:
        return []
    measured = [item for item in found if not item.error]
    failed = [item for item in found if item.error]
    blocks = [
        "## Microcontrollers",
        table(_HEAD, _HEAD[:4], map(_row, measured)) if measured else "",
        figures.CORES,
        "\n".join(map(_failure, failed)),
    ]
    return [block for block in blocks if block]


def _row(item: Microcontroller) -> list[str]:
    amounts = (
        *(item.instructions, item.flash_bytes, item.code_bytes, item.constants_bytes),
        *(item.ram_bytes, item.arena_bytes, item.data_bytes, item.stack_bytes),
    )
    return [item.model, item.recipe, item.part, item.runtime, *map(figures.count, amounts)]


def _failure(item: Microcontroller) -> str:
    return f"- – {plain(f'{item.model}/{item.recipe} {item.part} on {item.runtime}: {item.error}')}"
