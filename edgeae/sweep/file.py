"""The file of a sweep: a grid as data, with what is measured, and limits that end a branch early.

A key of the grid is a value or a list of values. Which values a family takes is found by
`edgeae.sweep.plan`, since it depends on the family.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, about, unknown
from edgeae.families.settings import ACTIVATIONS
from edgeae.families.table import FAMILIES
from edgeae.reading import typed
from edgeae.reading.names import check_name
from edgeae.reading.parsing import read_toml
from edgeae.recipe import PARTS
from edgeae.runtimes import RUNTIMES
from edgeae.timing.emulated import core_name, is_emulated, runtime_of

#: The most bundles of one grid, before any is excluded.
MOST_CELLS = 100_000


@dataclass(frozen=True)
class Grid:
    """The values of each axis; a model is trained for each combination.

    Attributes:
        families: names of families.
        recipes: names of recipes, or paths of their files; each model is exported under each.
        codes: sizes of the code; empty for each family's default.
        hidden: widths of the layers before the code, as `--hidden` takes them: `"128,64"`; empty
            for each family's default. A family without hidden layers is trained once for all.
        activations: activations σ; empty for each family's default.
        seeds: seeds of the weights, of the order of the rows and of all noise.
        data: datasets, as `--data` takes them: names, or paths from the current folder.
        exclude: what to leave out: patterns of a model's name, or of `model/recipe`.
    """

    families: tuple[str, ...]
    recipes: tuple[str, ...]
    codes: tuple[int, ...] = ()
    hidden: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    data: tuple[str, ...] = ("auto",)
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("families", "recipes", "seeds", "data"):
            typed.require(getattr(self, key) != (), key, [], "a value, or a list of values")
        _check("families", "family", self.families, FAMILIES)
        _check("activations", "activation", self.activations, ACTIVATIONS)

    @property
    def sizes(self) -> dict[str, int]:
        """Axis → number of its values, of those that have several."""
        axes = {item.name: getattr(self, item.name) for item in fields(self)}
        del axes["exclude"]
        return {key: len(values) for key, values in axes.items() if len(values) > 1}

    @property
    def cells(self) -> int:
        """The number of bundles, before any is excluded."""
        return math.prod(self.sizes.values())


def _check(key: str, kind: str, values: tuple[str, ...], known: Any) -> None:
    for value in values:
        if value not in known:
            raise BadInput(f"{key}: {unknown(kind, value, known)}")


@dataclass(frozen=True)
class Training:
    """Settings that all models of the grid share.

    Attributes:
        epochs: passes over the training rows; null for each family's default.
        threads: threads of TensorFlow, which affect the weights. One, unlike `edgeae train`'s two:
            a sweep has more models than a machine has cores.
    """

    epochs: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        for key in ("epochs", "threads"):
            value = getattr(self, key)
            typed.require(value is None or value >= 1, key, value, "a whole number from 1")


@dataclass(frozen=True)
class Evaluate:
    """What is measured of each bundle, beside its loss and its packed bytes.

    Attributes:
        core: emulated core on which the instructions, flash and RAM of the exported C are
            counted, such as `cortex-m4`; empty for no core.
        part: the part that runs on the core, and that is timed.
        runtime: runtime in which the part is timed, such as `litert-xnnpack`; empty for none.
        on: name of the worker that times it, one that declares the resource `bench`, if the sweep
            runs on a cluster; empty for any such worker.
    """

    core: str = ""
    part: str = "autoencoder"
    runtime: str = ""
    on: str = ""

    def __post_init__(self) -> None:
        if self.core and not is_emulated(runtime_of(self.core)):
            raise BadInput(f"core: {unknown('core', self.core, cores())}")
        if self.runtime and self.runtime not in timed_runtimes():
            raise BadInput(f"runtime: {unknown('runtime', self.runtime, timed_runtimes())}")
        typed.require(
            not self.on or bool(self.runtime), "on", self.on, "a worker, beside a runtime"
        )
        typed.require(self.part in PARTS, "part", self.part, ", ".join(PARTS))


def timed_runtimes() -> list[str]:
    """Return the names of the runtimes that are timed, and do not count on their own."""
    return [name for name, entry in RUNTIMES.items() if not entry.named_only and name != "null"]


def cores() -> list[str]:
    """Return the names of the emulated cores."""
    return [core_name(name) for name in RUNTIMES if is_emulated(name)]


@dataclass(frozen=True)
class Budget:
    """Limits that end a branch of the grid early; what they end is no failure.

    Attributes:
        loss: largest MSE of the float model on the test rows; a model beyond is not exported.
        packed_bytes: most packed bytes of the whole autoencoder; a bundle beyond is not measured.
    """

    loss: float | None = None
    packed_bytes: int | None = None

    def __post_init__(self) -> None:
        held = self.loss is None or 0 < self.loss < math.inf
        typed.require(held, "loss", self.loss, "above 0, finite")
        held = self.packed_bytes is None or self.packed_bytes >= 1
        typed.require(held, "packed_bytes", self.packed_bytes, "a whole number from 1")


@dataclass(frozen=True)
class SweepFile:
    """The content of a sweep's file.

    Attributes:
        grid: see `Grid`.
        train: see `Training`.
        evaluate: see `Evaluate`.
        budget: see `Budget`.
    """

    grid: Grid
    train: Training = Training()
    evaluate: Evaluate = Evaluate()
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        if self.grid.cells > MOST_CELLS:
            sizes = " × ".join(f"{count:,} {key}" for key, count in self.grid.sizes.items())
            raise BadInput(
                f"grid: {self.grid.cells:,} cells ({sizes}): allowed are {MOST_CELLS:,}; split the "
                "grid, or give fewer values"
            )


def parse(path: Path) -> SweepFile:
    """Return the checked content of a sweep's file.

    Raises:
        BadInput: the file is not valid; the message names the file, key, value and allowed values.
    """
    check_name("the sweep's name", path.stem)
    table = read_toml(path)
    grid = table.get("grid")
    if isinstance(grid, dict):
        table["grid"] = {key: _listed(value) for key, value in grid.items()}
    with about(path):
        return typed.build(SweepFile, table)


def _listed(value: Any) -> list[Any]:
    """Return the values of an axis, each once."""
    values = value if isinstance(value, list) else [value]
    return list({repr(item): item for item in values}.values())
