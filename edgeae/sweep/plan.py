"""What a sweep's file asks for: its models by name, and the bundles of each.

A model's name says what differs from its family's defaults, and nothing of the other models of the
grid: when values are added to the grid, every model keeps its name, and is up to date. It is

    FAMILY[-cCODE][-hWIDTHS][-ACTIVATION][-eEPOCHS][-tTHREADS][-DATA][-sSEED]

such as `deep-c8-h128x64-tanh-digits-s1`. `edgeae train` with these settings and `--name` makes the
same model.
"""

import fnmatch
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae import data as datasets
from edgeae import recipe
from edgeae.errors import BadInput, about
from edgeae.families import table as families
from edgeae.families.command import options
from edgeae.families.settings import Settings
from edgeae.families.table import FAMILIES
from edgeae.reading.names import check_name
from edgeae.recipe import Recipe
from edgeae.sweep.file import Grid, SweepFile, parse

#: The value of `data` that no name mentions.
_USUAL_DATA = "auto"
#: Option of `edgeae train` that an error names → the key of the sweep's file.
_KEYS = {"--code": "grid.codes", "--hidden": "grid.hidden", "--seed": "grid.seeds"}


@dataclass(frozen=True)
class Model:
    """A model to train.

    Attributes:
        name: its name, which is its folder's.
        settings: the settings of its training.
        data: the value of `--data`.
    """

    name: str
    settings: Settings
    data: str

    def words(self, data: str, build: Path) -> list[str]:
        """Return what follows `edgeae train` in the command that trains the model.

        Args:
            data: the dataset's name or path, in place of `auto`.
            build: folder of models.
        """
        chosen = options(asdict(self.settings))
        place = ["--data", data, "--name", self.name, "--build", str(build)]
        return [self.settings.family, *chosen, *place]


@dataclass(frozen=True)
class Cell:
    """A bundle to make and to measure: a model under a recipe."""

    model: Model
    recipe: Recipe

    @property
    def name(self) -> str:
        """The bundle's name: `deep-c8/int8`."""
        return f"{self.model.name}/{self.recipe.name}"


@dataclass(frozen=True)
class Plan:
    """The models and bundles of a sweep.

    Attributes:
        name: the sweep's name, the stem of its file.
        file: the content of its file.
        cells: the bundles, model by model in the order of the grid.
        excluded: number of bundles that `exclude` left out.
        notes: what the grid's values do not apply to, a line each.
    """

    name: str
    file: SweepFile
    cells: tuple[Cell, ...]
    excluded: int
    notes: tuple[str, ...]

    @property
    def models(self) -> list[Model]:
        """The models that have a bundle, each once."""
        return list({cell.model.name: cell.model for cell in self.cells}.values())


def read(path: Path) -> Plan:
    """Return the plan of a sweep's file.

    Raises:
        BadInput: the file is not valid, names an unknown recipe, gives a family a value that it
            does not take, or excludes everything.
    """
    file = parse(path)
    with about(path):
        plans = [_found(name) for name in file.grid.recipes]
        _check_once("recipes", [plan.name for plan in plans])
        models = list(_models(file))
        _check_once("data", [model.name for model in models])
        cells = [Cell(model, plan) for model in models for plan in plans]
        kept = _kept(cells, file.grid.exclude)
    left_out = len(cells) - len(kept)
    return Plan(path.stem, file, tuple(kept), left_out, tuple(_notes(file.grid)))


def _found(name: str) -> Recipe:
    try:
        return recipe.find(name)
    except BadInput as error:
        raise BadInput(f"grid.recipes: {error}") from None


def _check_once(key: str, names: list[str]) -> None:
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise BadInput(
            f"grid.{key}: two values are both called {name}; allowed are files of different names"
        )


def _models(file: SweepFile) -> Iterator[Model]:
    """Yield the models of a grid, family by family.

    Raises:
        BadInput: a family does not take a value.
    """
    grid = file.grid
    widths = tuple(_widths(text) for text in grid.hidden)
    if widths and not any(_has_hidden(family) for family in grid.families):
        raise BadInput(
            f"grid.hidden = {list(grid.hidden)}: no family of this grid has hidden layers; "
            "allowed is no value"
        )
    for family in grid.families:
        own = widths if _has_hidden(family) else ()
        axes = (grid.data, grid.codes or (None,), own or (None,), grid.activations or (None,))
        for data, code, hidden, activation, seed in itertools.product(*axes, grid.seeds):
            yield _model(
                file,
                family,
                data,
                {"code": code, "hidden": hidden, "activation": activation, "seed": seed},
            )


def _has_hidden(family: str) -> bool:
    return "hidden" in FAMILIES[family].options


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(item) for item in text.split(","))
    except ValueError:
        raise BadInput(
            f"grid.hidden = {text!r:.60}: allowed are whole numbers, as '128,64'"
        ) from None


def _model(file: SweepFile, family: str, data: str, chosen: dict[str, Any]) -> Model:
    shared = asdict(file.train)
    try:
        settings = families.settings(family, **chosen, **shared)
    except BadInput as error:
        option, _, rest = str(error).partition(" ")
        told = f"{_KEYS[option]} = {rest}" if option in _KEYS else f"grid: {error}"
        raise BadInput(f"{told} (family {family})") from None
    name = model_name(settings, data)
    check_name("grid: model", name)
    return Model(name, settings, data)


def model_name(settings: Settings, data: str) -> str:
    """Return a model's name; see the module's docstring.

    Args:
        settings: the settings of its training.
        data: the value of `--data`.
    """
    usual = FAMILIES[settings.family].defaults
    words = [families.model_name(settings)]
    if settings.hidden != usual.hidden:
        words.append("h" + "x".join(map(str, settings.widths)))
    if settings.activation != usual.activation:
        words.append(settings.activation)
    for letter, key in (("e", "epochs"), ("t", "threads")):
        if getattr(settings, key) != getattr(usual, key):
            words.append(f"{letter}{getattr(settings, key)}")
    if data != _USUAL_DATA:
        words.append(_data_name(data))
    if settings.seed != usual.seed:
        words.append(f"s{settings.seed}")
    return "-".join(words)


def _data_name(data: str) -> str:
    name = Path(data).stem if datasets.is_path(data) else data
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "data"


def _kept(cells: list[Cell], patterns: tuple[str, ...]) -> list[Cell]:
    """Return the cells that no pattern leaves out.

    Raises:
        BadInput: a pattern fits nothing, or nothing is left.
    """
    out: set[str] = set()
    for pattern in patterns:
        names = {cell.name: cell.name if "/" in pattern else cell.model.name for cell in cells}
        fitting = {cell for cell, name in names.items() if fnmatch.fnmatchcase(name, pattern)}
        if not fitting:
            allowed = "model/recipe" if "/" in pattern else "model"
            raise BadInput(
                f"grid.exclude = {pattern!r:.60}: fits nothing of this grid; allowed is a pattern "
                f"of {allowed}, such as {next(iter(names.values()))}"
            )
        out |= fitting
    kept = [cell for cell in cells if cell.name not in out]
    if not kept:
        raise BadInput(
            f"grid.exclude = {list(patterns)}: leaves out all {len(cells):,} bundles; allowed are "
            "patterns that leave one"
        )
    return kept


def _notes(grid: Grid) -> Iterator[str]:
    for family in grid.families:
        if grid.hidden and not _has_hidden(family):
            yield f"{family} has no hidden layers: grid.hidden does not apply to it"
