"""The export matrix, `export/matrix.toml`: which models are exported under which recipes."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae import recipe
from edgeae.artifacts.model import TRAIN
from edgeae.conversion.plan.export import ExportCell
from edgeae.errors import BadInput, about, unknown
from edgeae.reading import typed
from edgeae.reading.parsing import read_toml
from edgeae.system import project

_FILE = f"{recipe.MATRIX}.toml"
#: Path of a project's own matrix.
OWN = Path("export") / _FILE
_PATTERN = frozenset("*?[")


@dataclass(frozen=True)
class Block:
    """A block of the matrix: each of its models is exported under each of its recipes.

    Attributes:
        models: names of trained models, or patterns; `*` means all.
        recipes: names of recipes, or patterns; `*` means all.
        exclude: `model/recipe` of bundles to leave out, or patterns.
    """

    models: tuple[str, ...] = ("*",)
    recipes: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("models", "recipes"):
            if not getattr(self, key):
                raise BadInput(f'{key} = []: allowed are names and patterns; "*" means all')
        for name in self.exclude:
            if "/" not in name:
                raise BadInput(f"exclude = {name!r}: allowed is model/recipe, or a pattern of it")


@dataclass(frozen=True)
class Matrix:
    """The export matrix: the bundles of all its blocks, each once."""

    cells: tuple[Block, ...]

    def __post_init__(self) -> None:
        if not self.cells:
            raise BadInput("cells = []: allowed is one [[cells]] or more")


def own() -> Path | None:
    """Return the matrix of the project in the current folder, if it has one."""
    return OWN if OWN.exists() else None


def find(name: str | None = None) -> Path:
    """Return the path of a matrix: the named one, else the project's own, else edgeae's."""
    if name is not None:
        return Path(name)
    return own() or project.folders("export")[-1] / _FILE


def parse(path: Path) -> Matrix:
    """Return the checked matrix in a file.

    Raises:
        BadInput: the file is not valid; the message names the file, key, value and allowed values.
    """
    with about(path):
        return typed.build(Matrix, read_toml(path))


def trained(folder: Path) -> list[str]:
    """Return the names of the models in a folder.

    Raises:
        BadInput: the folder has no model.
    """
    names = sorted(path.parent.name for path in folder.glob(f"*/{TRAIN}"))
    if not names:
        raise BadInput(f"{folder}: no trained model; `edgeae train` makes one")
    return names


def cells(path: Path, folder: Path) -> list[ExportCell]:
    """Return the bundles that a matrix names, each once, in its order.

    Args:
        path: path of the matrix.
        folder: folder of the models.

    Raises:
        BadInput: the matrix is not valid, names an unknown model or recipe, or names no bundle.
    """
    models, recipes = trained(folder), recipe.available()
    with about(path):
        names = [name for block in parse(path).cells for name in _names(block, models, recipes)]
    if not names:
        raise BadInput(f"{path}: nothing to export: no trained model and recipe fit its patterns")
    plans = {plan: recipe.find(plan) for plan in dict.fromkeys(plan for _, plan in names)}
    return [ExportCell(folder / model, plans[plan]) for model, plan in dict.fromkeys(names)]


def _names(block: Block, models: Sequence[str], recipes: Iterable[str]) -> list[tuple[str, str]]:
    return [
        (model, plan)
        for model in _matching("model", block.models, models)
        for plan in _matching("recipe", block.recipes, list(recipes))
        if not any(fnmatch.fnmatchcase(f"{model}/{plan}", item) for item in block.exclude)
    ]


def _matching(kind: str, patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the known names that match one of the patterns, in the order of the patterns.

    Raises:
        BadInput: a name without wildcards is not known.
    """
    matches: list[str] = []
    for pattern in patterns:
        if not _PATTERN & set(pattern) and pattern not in names:
            raise unknown(kind, pattern, names)
        matches += fnmatch.filter(names, pattern)
    return list(dict.fromkeys(matches))
