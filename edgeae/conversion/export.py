"""Exports: which bundles are out of date, one child process for each, published in one step."""

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeae import children
from edgeae.building import building
from edgeae.bundle import MANIFEST, open_bundle
from edgeae.conversion.tools import tool_versions
from edgeae.errors import BadInput, EdgeaeError, ManifestMismatch, system_error
from edgeae.model import AS_IS, Training, open_model
from edgeae.recipe import Recipe

__all__ = ["Cell", "Outcome", "export", "impossible", "is_current"]

_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Cell:
    """One bundle to make: a model's folder and a recipe."""

    folder: Path
    recipe: Recipe

    @property
    def link(self) -> Path:
        """Where users find the bundle."""
        return self.folder / self.recipe.name


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: `up to date`, `exported` or `failed`, with the error."""

    cell: Cell
    state: str
    error: EdgeaeError | None = None

    def to_json(self) -> dict[str, str | None]:
        """Return what happened as JSON types."""
        return {"state": self.state, "error": None if self.error is None else str(self.error)}


def is_current(cell: Cell) -> bool:
    """Tell whether the bundle there is whole and what an export would make now."""
    if not (cell.link / MANIFEST).exists():
        return False
    training = open_model(cell.folder)
    try:
        bundle = open_bundle(cell.link)
        bundle.check()
    except EdgeaeError:
        return False  # damaged, or of another schema: export again
    manifest = bundle.manifest
    return (
        manifest.recipe_sha256 == cell.recipe.sha256
        and manifest.weights_sha256 == training.weights_sha256
        and manifest.dataset["sha256"] == training.dataset["sha256"]
        and manifest.normalization == training.normalization
        and manifest.tools == tool_versions(cell.recipe)
    )


def export(
    cells: list[Cell], *, jobs: int, force: bool, say: Callable[[str], None]
) -> Iterator[Outcome]:
    """Bring each cell up to date; one that fails does not stop the others.

    Args:
        cells: what to make.
        jobs: child processes at once; each takes about 600 MB.
        force: also make what is current.
        say: told what is being done, a line each.
    """
    stale = []
    for cell in cells:
        try:
            reason = impossible(cell)
            if reason:
                raise BadInput(reason)
            current = not force and is_current(cell)
        except EdgeaeError as error:
            yield Outcome(cell, "failed", error)
            continue
        if current:
            yield Outcome(cell, "up to date")
        else:
            stale.append(cell)
    if not stale:
        return
    # fine-tuning takes longest: first, so that the short ones fill the other workers
    stale.sort(key=lambda cell: cell.recipe.prune is None)
    with children.threads(jobs) as pool:
        running = {pool.submit(_export, cell, say): cell for cell in stale}
        for done in as_completed(running):
            cell = running[done]
            try:
                done.result()
                yield Outcome(cell, "exported")
            except EdgeaeError as error:
                yield Outcome(cell, "failed", error)
            except OSError as error:
                yield Outcome(cell, "failed", system_error(error))


def impossible(cell: Cell) -> str:
    """Say why a model cannot become what a recipe asks, before a child starts; or nothing.

    A model that cannot be read is no such reason: exporting it says what is wrong.
    """
    try:
        return _reason(open_model(cell.folder), cell.recipe)
    except EdgeaeError:
        return ""


def _reason(training: Training, recipe: Recipe) -> str:
    if training.form == AS_IS:
        return "imported as is: there is no original to export"
    if recipe.prune is None:
        return ""
    if training.form != "keras":
        return (
            f"model {training.model} was imported from a SavedModel: it cannot be fine-tuned; "
            "allowed are recipes without prune"
        )
    if training.dataset["train"] == 0:
        return (
            f"recipe {recipe.name} fine-tunes and needs training data; "
            "import again with --train-data"
        )
    return ""


def _export(cell: Cell, say: Callable[[str], None]) -> None:
    tool_versions(cell.recipe)  # a missing package is said before a child starts
    name = f"{cell.folder.name}/{cell.recipe.name}"
    with building(cell.folder, cell.recipe.name) as scratch:
        job = {
            "model": str(cell.folder),
            "recipe": asdict(cell.recipe),
            "out": str(scratch),
        }
        # the order of Python's sets must not reach a file
        env = {"PYTHONHASHSEED": "0"}
        for report in children.stream(
            "edgeae.conversion.build", job, timeout_s=_TIMEOUT_S, env=env
        ):
            say(f"export {name}: {report['doing']}")
        _check_whole(scratch, cell)


def _check_whole(folder: Path, cell: Cell) -> None:
    """Read everything that a manifest names, before readers can see it.

    Raises:
        ManifestMismatch: a file is missing or changed, or the manifest is another recipe's.
    """
    bundle = open_bundle(folder)
    bundle.check()
    if bundle.manifest.recipe_sha256 != cell.recipe.sha256:
        raise ManifestMismatch(f"{folder}: not made from recipe {cell.recipe.name}")
