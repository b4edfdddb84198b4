"""The result of a sweep: the figures of each cell, in `build/sweeps/NAME.json`.

History of the file's schema:

1   the first schema.
2   `on_front` is of loss, packed bytes and instructions, where instructions were counted. Adds
    p50_us and host to cells, runtime and on to evaluate.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import about
from edgeae.metrics.pareto import front, front3
from edgeae.reading import typed
from edgeae.reading.json_file import read_written
from edgeae.reading.names import SWEEPS
from edgeae.system import atomic

SCHEMA = 2
#: States of a cell.
DONE, FAILED, LEFT_OUT = "done", "failed", "left out"
OVER, NOT_MEASURED = "over budget", "not measured"


@dataclass(frozen=True)
class SweepCell:
    """What came of one bundle of the grid; figures that it did not reach are null.

    Attributes:
        model, recipe: names; the bundle is `build/MODEL/RECIPE`.
        family, activation, seed, data: the model's values of the axes.
        code, hidden: likewise; None if the family's rule chose them for the rows.
        state: `done`; `over budget` if a limit ended it early; `left out` if the model cannot be
            exported under the recipe; `not measured` if the bundle is there and the core or the
            runtime did not run it; or `failed`.
        reason: why, in one line; empty if it is done.
        code_values: number of values of the code of the trained model.
        float_loss: MSE of the trained model on the test rows.
        loss: MSE of the exported model on the test rows.
        loss_ratio: loss ÷ that of the equal-budget control, or of the trained model without one.
        packed_bytes, bytes: of the whole autoencoder's `.tflite`: an estimate of its constants in
            flash, and the size of the file.
        sha256: hash of the whole autoencoder's `.tflite`.
        instructions, flash_bytes, ram_bytes: what the core counted for the part of `evaluate`.
        p50_us: median duration of one call of that part in the runtime of `evaluate`, in µs.
        host: name of the machine of `p50_us`, a worker's or a host's: times of different ones do
            not compare.
        on_front: whether no other cell on the same dataset is better in one of loss, packed bytes
            and instructions, and no worse in the others. A cell that lacks one of them is not on
            the front; if no cell on the dataset has instructions, loss and packed bytes decide.
    """

    model: str
    recipe: str
    family: str
    code: int | None
    hidden: tuple[int, ...] | None
    activation: str
    seed: int
    data: str
    state: str
    reason: str = ""
    code_values: int | None = None
    float_loss: float | None = None
    loss: float | None = None
    loss_ratio: float | None = None
    packed_bytes: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    instructions: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    p50_us: float | None = None
    host: str | None = None
    on_front: bool = False

    @property
    def name(self) -> str:
        """The bundle's name: `deep-c8/int8`."""
        return f"{self.model}/{self.recipe}"

    @property
    def counted(self) -> dict[str, float | None]:
        """What the core counted."""
        keys = ("instructions", "flash_bytes", "ram_bytes")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True)
class Sweep:
    """The content of the file.

    Attributes:
        schema: version of this layout.
        name: name of the sweep, the stem of its file.
        grid, train, evaluate, budget: the tables of the sweep's file, with their defaults.
        excluded: number of bundles that `exclude` left out; they are no cells.
        cells: the bundles, in the order of the grid.
    """

    schema: int
    name: str
    grid: dict[str, Any]
    train: dict[str, Any]
    evaluate: dict[str, Any]
    budget: dict[str, Any]
    excluded: int
    cells: tuple[SweepCell, ...]

    @property
    def trained(self) -> list[str]:
        """The names of the models that are trained."""
        return list(dict.fromkeys(item.model for item in self.cells if item.float_loss is not None))

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types."""
        return asdict(self)


def place(build: Path, name: str) -> Path:
    """Return the path of a sweep's result; its journal has the ending `.jsonl` instead."""
    return build / SWEEPS / f"{name}.json"


def page_of(result: Path) -> Path:
    """Return the path of a sweep's page, from that of its result."""
    return result.with_suffix(".html")


def write(path: Path, sweep: Sweep) -> None:
    """Write a result atomically: readers see the earlier one, or the whole new one."""
    atomic.write_text(path, json.dumps(sweep.to_json(), indent=1, allow_nan=False) + "\n")


def read(path: Path) -> Sweep | None:
    """Return a result; None if the file is missing.

    Raises:
        BadInput: the file is damaged, or has another schema.
    """
    table = read_written(path, SCHEMA)
    if table is None:
        return None
    with about(path):
        return typed.build(Sweep, table)


def on_front(cells: Sequence[SweepCell]) -> set[str]:
    """Return the names of the cells on the Pareto front, per dataset; see `SweepCell.on_front`."""
    names: set[str] = set()
    for data in dict.fromkeys(cell.data for cell in cells):
        names |= _front([cell for cell in cells if cell.data == data])
    return names


def has_instructions(cells: Iterable[SweepCell]) -> bool:
    """Return whether a core has counted any of some cells."""
    return any(cell.instructions is not None for cell in cells)


def _front(cells: Sequence[SweepCell]) -> set[str]:
    """Return the names of the cells on the front of one dataset."""
    flat = [
        (cell, (cell.loss, float(cell.packed_bytes)))
        for cell in cells
        if cell.loss is not None and cell.packed_bytes is not None
    ]
    if not has_instructions(cells):
        return {flat[place][0].name for place in front([point for _, point in flat])}
    deep = [
        (cell, (*point, float(cell.instructions)))
        for cell, point in flat
        if cell.instructions is not None
    ]
    return {deep[place][0].name for place in front3([point for _, point in deep])}
