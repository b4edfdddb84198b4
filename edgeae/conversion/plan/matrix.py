"""The matrix: which models are exported under which recipes. Data, in `export/matrix.toml`."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae import recipe
from edgeae.artifacts.model import TRAIN
from edgeae.conversion.plan.export import Cell
from edgeae.errors import BadInput, unknown
from edgeae.reading.parsing import read_toml
from edgeae.recipe.table import build
from edgeae.system import project

_FILE = f"{recipe.MATRIX}.toml"
#: Where a project has its own.
OWN = Path("export") / _FILE
_PATTERN = frozenset("*?[")


@dataclass(frozen=True)
class Block:
    """Every one of some models under every one of some recipes.

    Attributes:
        models: names of trained models, or patterns; `*` is all.
        recipes: names of recipes, or patterns; `*` is all.
        exclude: `model/recipe` of what is left out, or patterns of it.
    """

    models: tuple[str, ...] = ("*",)
    recipes: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("models", "recipes"):
            if not getattr(self, key):
                raise BadInput(f'{key} = []: allowed are names and patterns; "*" is all')
        for name in self.exclude:
            if "/" not in name:
                raise BadInput(f"exclude = {name!r}: allowed is model/recipe, or a pattern of it")


@dataclass(frozen=True)
class Matrix:
    """What is exported: the bundles of all blocks, each once."""

    cells: tuple[Block, ...]

    def __post_init__(self) -> None:
        if not self.cells:
            raise BadInput("cells = []: allowed is one [[cells]] or more")


def own() -> Path | None:
    """Return the matrix of the project in the current folder, if it has one."""
    return OWN if OWN.exists() else None


def find(name: str | None = None) -> Path:
    """Return a matrix's file: the one named, else the project's own, else the one edgeae ships."""
    if name is not None:
        return Path(name)
    return own() or project.folders("export")[-1] / _FILE


def parse(path: Path) -> Matrix:
    """Read and check a matrix.

    Raises:
        BadInput: names the file, the key, its value and what is allowed.
    """
    table = read_toml(path)
    try:
        matrix: Matrix = build(Matrix, table)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    return matrix


def trained(folder: Path) -> list[str]:
    """Return the names of the models below a folder.

    Raises:
        BadInput: there is none.
    """
    found = sorted(path.parent.name for path in folder.glob(f"*/{TRAIN}"))
    if not found:
        raise BadInput(f"{folder}: no trained model; `edgeae train` makes one")
    return found


def cells(path: Path, folder: Path) -> list[Cell]:
    """Return the bundles that a matrix names, each once, in its order.

    Args:
        path: its file.
        folder: where the models are.

    Raises:
        BadInput: the matrix is none, a model or recipe that it names is not there, or it comes to
            nothing.
    """
    models, recipes = trained(folder), recipe.available()
    try:
        names = [name for block in parse(path).cells for name in _names(block, models, recipes)]
    except BadInput as error:
        line = str(error)
        raise BadInput(line if line.startswith(str(path)) else f"{path}: {line}") from None
    if not names:
        raise BadInput(f"{path}: no model that is trained, under no recipe: nothing to export")
    plans = {plan: recipe.find(plan) for plan in dict.fromkeys(plan for _, plan in names)}
    return [Cell(folder / model, plans[plan]) for model, plan in dict.fromkeys(names)]


def _names(block: Block, models: Sequence[str], recipes: Iterable[str]) -> list[tuple[str, str]]:
    return [
        (model, plan)
        for model in _matching("model", block.models, models)
        for plan in _matching("recipe", block.recipes, list(recipes))
        if not any(fnmatch.fnmatchcase(f"{model}/{plan}", item) for item in block.exclude)
    ]


def _matching(kind: str, patterns: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the names that fit one of the patterns, in the order of these.

    Raises:
        BadInput: a name that is no pattern is not there.
    """
    found: list[str] = []
    for pattern in patterns:
        if not _PATTERN & set(pattern) and pattern not in known:
            raise unknown(kind, pattern, known)
        found += fnmatch.filter(known, pattern)
    return list(dict.fromkeys(found))
