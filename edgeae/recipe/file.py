"""Recipe files: found as `export/NAME.toml` below the current folder, then among those shipped."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeae import project
from edgeae.errors import BadInput, unknown
from edgeae.recipe.schema import Recipe
from edgeae.recipe.steps import STEPS
from edgeae.recipe.table import from_table, with_defaults

__all__ = ["MATRIX", "available", "find", "parse"]

#: The one file beside the recipes that is none: which models go with which of them.
MATRIX = "matrix"
_EXTENDS = "extends"
_TOML = ".toml"


def available() -> dict[str, Path]:
    """Return every recipe by name: those of the current project before those that edgeae ships."""
    found: dict[str, Path] = {}
    for folder in project.folders("export"):
        for path in sorted(folder.glob(f"*{_TOML}")):
            if path.stem != MATRIX:
                found.setdefault(path.stem, path)
    return found


def find(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Load a recipe by its name, or by the path of its file.

    Args:
        name: `int8`, or `folder/mine.toml`.
        settings: `key=value` on top, as `prune.sparsity=0.8`; the recipe's name then tells them.

    Raises:
        BadInput: there is none of that name, its file is not a recipe, or a setting fits nothing.
    """
    path = Path(name) if name.endswith(_TOML) else _known(name)
    return parse(path, settings)


def _known(name: str) -> Path:
    known = available()
    if name not in known:
        raise unknown("recipe", name, known)
    return known[name]


def parse(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read and check one recipe file, and those that it extends.

    Raises:
        BadInput: names the file, the key, its value and what is allowed.
    """
    table = _read(path, ())
    try:
        plan = _recipe(path, table)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    if not settings:
        return plan
    for setting in settings:
        table = _merged(table, _setting(setting))
    try:
        plan = _recipe(path, table)
    except BadInput as error:
        raise BadInput(f"{path} with --set {' --set '.join(settings)}: {error}") from None
    return replace(plan, name=".".join([plan.name, *map(_told, settings)]))


def _recipe(path: Path, table: dict[str, Any]) -> Recipe:
    if "name" in table:
        raise BadInput("name is the file's own; remove the key")
    return from_table(with_defaults({"name": path.stem, **table}))


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file's table on top of the one that it extends."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise BadInput(f"{path}: not readable: {error.strerror}") from None
    base = table.pop(_EXTENDS, None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise BadInput(f"{path}: {_EXTENDS} = {base!r}: allowed is a recipe's name or file")
    try:
        source = path.parent / base if base.endswith(_TOML) else _base(path, base)
        if source.resolve() in {item.resolve() for item in (*above, path)}:
            raise BadInput("a recipe that extends this one")
    except BadInput as error:
        raise BadInput(f"{path}: {_EXTENDS} = {base!r}: {error}") from None
    # neither is true of another recipe because it was of this one
    below = _read(source, (*above, path))
    return _merged({key: below[key] for key in below if key not in ("description", "steps")}, table)


def _base(path: Path, name: str) -> Path:
    """Find a base beside the file that names it, then as any recipe."""
    beside = path.parent / f"{name}{_TOML}"
    return beside if beside.exists() and name != path.stem else _known(name)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay one table over another, key by key; a list of steps drops the tables that it lacks."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        both = isinstance(value, dict) and isinstance(known, dict)
        merged[key] = _merged(known, value) if both else value  # type: ignore[arg-type]
    if isinstance(above.get("steps"), list):
        for step in STEPS:
            if step not in above["steps"] and step not in above:
                merged.pop(step, None)
    return merged


def _setting(text: str) -> dict[str, Any]:
    """Read `prune.sparsity=0.8`; a value that is not TOML is a word."""
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9_]+(\.[^.\s]+)*", key):
        raise BadInput(f"--set {text}: allowed is key=value, as prune.sparsity=0.8")
    try:
        found: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        found = value
    for name in reversed(key.split(".")):
        found = {name: found}
    table: dict[str, Any] = found
    return table


def _told(setting: str) -> str:
    """Return what a setting adds to a recipe's name: what a folder's name can hold of it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", setting).strip("-.")
