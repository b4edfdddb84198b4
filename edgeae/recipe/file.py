"""Recipe files: `export/NAME.toml` of the current project, then the recipes that edgeae ships."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, about, unknown
from edgeae.reading.parsing import parse_toml, read_toml
from edgeae.recipe.schema import Recipe
from edgeae.recipe.steps import STEPS
from edgeae.recipe.table import EXTENDS, from_table, with_defaults
from edgeae.system import project

#: The only file among the recipes that is not a recipe; it combines models with recipes.
MATRIX = "matrix"
_TOML = ".toml"
#: The longest allowed chain of files that extend one another.
_MOST_BELOW = 16
_SET = r"[A-Za-z0-9_]+(\.[^.\s]+)*"
#: Keys that a file does not inherit from the file that it extends.
_OWN = ("description", "steps")

Table = dict[str, Any]


def available() -> dict[str, Path]:
    """Return name → file of every recipe; the current project's replace those that edgeae ships."""
    files: dict[str, Path] = {}
    for folder in project.folders("export"):
        for path in sorted(folder.glob(f"*{_TOML}"), key=lambda path: path.stem):
            if path.stem != MATRIX:
                files.setdefault(path.stem, path)
    return files


def find(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Load a recipe by its name, or by the path of its file.

    Args:
        name: `int8`, or `folder/mine.toml`.
        settings: `key=value` on top, as `prune.sparsity=0.8`; the recipe's name contains them.

    Raises:
        BadInput: there is no such recipe, the file is not a recipe, or a setting is not valid.
    """
    path = Path(name) if name.endswith(_TOML) else _known(name)
    return parse(path, settings)


def _known(name: str) -> Path:
    files = available()
    if name not in files:
        raise unknown("recipe", name, files)
    return files[name]


def parse(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe's file, and the files that it extends.

    Raises:
        BadInput: a file is not valid; names the file, the key, its value and what is allowed.
    """
    table, plan = _checked(path, ())
    if not settings:
        return plan
    for setting in settings:
        table = _merged(table, _setting(setting))
    said = f"{path} with --set {' --set '.join(settings)}"
    return replace(_recipe(said, path, table), name=".".join([plan.name, *map(_suffix, settings)]))


def _checked(path: Path, above: tuple[Path, ...]) -> tuple[Table, Recipe]:
    """Read a file merged with the file that it extends, which must be a valid recipe itself."""
    table = read_toml(path)
    base = table.pop(EXTENDS, None)
    if base is not None:
        below, _ = _checked(_base(path, base, above), (*above, path))
        table = _merged({key: below[key] for key in below if key not in _OWN}, table)
    return table, _recipe(str(path), path, table)


def _recipe(said: str, path: Path, table: Table) -> Recipe:
    """Build a recipe; `said` names the source of its keys in errors."""
    with about(said):
        if "name" in table:
            raise BadInput("name: a recipe's name is its file's name; remove the key")
        return from_table(with_defaults({"name": path.stem, **table}))


def _base(path: Path, base: Any, above: tuple[Path, ...]) -> Path:
    """Find the file that a file extends: in the same folder, then among all recipes.

    A base with the file's own name is another file of that name.

    Raises:
        BadInput: there is no such file, or the chain of files is a cycle or too long.
    """
    try:
        if not isinstance(base, str):
            raise BadInput("allowed is a recipe's name or file")
        if base.endswith(_TOML):
            extended = path.parent / base
        else:
            places = [path.parent, *project.folders("export")]
            candidates = [place / f"{base}{_TOML}" for place in places if base != MATRIX]
            others = [item for item in candidates if item.exists() and not _same(item, path)]
            extended = others[0] if others else path if base == path.stem else _known(base)
        if any(_same(extended, item) for item in (*above, path)):
            way = " → ".join(item.name for item in (*above, path, extended))
            raise BadInput(f"{way} is a cycle")
        if len(above) >= _MOST_BELOW:
            raise BadInput(f"the chain has more than {_MOST_BELOW} files; allowed are fewer")
    except BadInput as error:
        raise BadInput(f"{path}: {EXTENDS} = {base!r}: {error}") from None
    return extended


def _same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()


def _merged(below: Table, above: Table) -> Table:
    """Merge two tables key by key; values of `above` replace those of `below`.

    If `above` has a list `steps`, the tables in `below` of steps that it does not list are removed.
    """
    merged = dict(below)
    for key, value in above.items():
        below_value = merged.get(key)
        both = isinstance(value, dict) and isinstance(below_value, dict)
        merged[key] = _merged(below_value, value) if both else value  # type: ignore[arg-type]
    if isinstance(above.get("steps"), list):
        for step in STEPS:
            if step not in above["steps"] and step not in above:
                merged.pop(step, None)
    return merged


def _setting(text: str) -> Table:
    """Parse `prune.sparsity=0.8` to a nested table; a value that is not TOML is a string."""
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not re.fullmatch(_SET, key):
        raise BadInput(f"--set {text}: allowed is key=value, as prune.sparsity=0.8")
    try:
        content = f"value = {value}".encode(errors="surrogateescape")
        parsed: Any = parse_toml(content, text)["value"]
    except BadInput:
        parsed = value
    for name in reversed(key.split(".")):
        parsed = {name: parsed}
    table: Table = parsed
    return table


def base_name(name: str, settings: Sequence[str]) -> str:
    """Return a recipe's name without the suffixes that its settings added to it."""
    return name.removesuffix("".join(f".{_suffix(setting)}" for setting in settings))


def _suffix(setting: str) -> str:
    """Return the suffix that a setting adds to a recipe's name, valid in a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", setting).strip("-.")
