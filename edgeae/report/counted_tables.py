"""Tables of what devices count on their own, as the page and the Markdown show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.report import figures
from edgeae.runtimes.serial_protocol import CYCLE, EMULATED, TIMER
from edgeae.summary.gather import Summary
from edgeae.summary.microcontrollers import Board, Microcontroller
from edgeae.text.amounts import duration, frequency, ticks


@dataclass(frozen=True)
class CountedRow:
    """One artifact on one device.

    Attributes:
        model, recipe, part, device: what ran, and on which device.
        cells: text for each column of `CountedTable.columns`; empty if there is an error.
        error: why there are no figures; empty if there are.
    """

    model: str
    recipe: str
    part: str
    device: str
    cells: tuple[str, ...]
    error: str


@dataclass(frozen=True)
class Column:
    """One column behind those of `CountedRow`.

    Attributes:
        name: its heading, in small letters.
        words: whether it is text, which is aligned left.
        chief: whether its figures stand out.
        page_only: whether the Markdown leaves it out.
    """

    name: str
    words: bool = False
    chief: bool = False
    page_only: bool = False


@dataclass(frozen=True)
class CountedTable:
    """One table.

    Attributes:
        anchor, heading: of its section.
        method: explains the figures.
        device: what its devices are called.
        columns: the columns behind model, recipe, part and device.
        rows: by model.
    """

    anchor: str
    heading: str
    method: str
    device: str
    columns: tuple[Column, ...]
    rows: tuple[CountedRow, ...]


_CORES = (
    Column("instructions", chief=True),
    *(Column("flash", chief=True), Column("code"), Column("constants")),
    *(Column("RAM", chief=True), Column("arena"), Column("data"), Column("stack")),
    *(Column("inputs", page_only=True), Column("version", words=True, page_only=True)),
)
_BOARDS = (
    *(Column("ticks a call", chief=True), Column("a tick is", words=True), Column("range")),
    *(Column("time", chief=True), Column("clock"), Column("counts", page_only=True)),
    *(Column("calls each", page_only=True), Column("version", words=True, page_only=True)),
)
#: What a tick is, in words.
_TICKS = {CYCLE: "a core’s cycle", TIMER: "a timer’s", EMULATED: "an emulator’s"}
#: Device of a failure that was recorded without one.
_NAMELESS = "a board"


def counted_tables(summary: Summary) -> tuple[CountedTable, ...]:
    """Return the tables that have rows."""
    both = (_cores(summary.microcontrollers), _boards(summary.boards))
    return tuple(table for table in both if table.rows)


def _cores(found: Sequence[Microcontroller]) -> CountedTable:
    rows = tuple(
        CountedRow(
            item.model,
            item.recipe,
            item.part,
            item.runtime,
            () if item.error else _core_cells(item),
            item.error,
        )
        for item in found
    )
    return CountedTable("microcontrollers", "Microcontrollers", figures.CORES, "core", _CORES, rows)


def _core_cells(item: Microcontroller) -> tuple[str, ...]:
    amounts = (
        *(item.instructions, item.flash_bytes, item.code_bytes, item.constants_bytes),
        *(item.ram_bytes, item.arena_bytes, item.data_bytes, item.stack_bytes, item.inputs),
    )
    return (*map(figures.count, amounts), item.runtime_version)


def _boards(found: Sequence[Board]) -> CountedTable:
    rows = tuple(
        CountedRow(
            item.model,
            item.recipe,
            item.part,
            item.device or _NAMELESS,
            () if item.error else _board_cells(item),
            item.error,
        )
        for item in found
    )
    return CountedTable("boards", "Boards", figures.BOARDS, "board", _BOARDS, rows)


def _board_cells(item: Board) -> tuple[str, ...]:
    return (
        ticks(item.ticks),
        _TICKS.get(item.tick or "", "not stated"),
        f"{ticks(item.least_ticks)} – {ticks(item.most_ticks)}",
        *(duration(item.call_ns), "" if item.call_ns is None else frequency(item.tick_hz)),
        *(figures.count(item.counts), figures.count(item.block), item.runtime_version),
    )
