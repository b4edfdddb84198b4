"""Exports the bundles that are out of date: each is built by a child and published atomically."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from edgeae.artifacts.bundle import MANIFEST, holding
from edgeae.artifacts.model import AS_IS, KERAS, Training, open_model
from edgeae.artifacts.publish import building
from edgeae.conversion.plan.controls import bring_control
from edgeae.conversion.plan.durations import Durations, Expected, total
from edgeae.conversion.plan.inputs import inputs_of
from edgeae.conversion.plan.memory import need, workers
from edgeae.conversion.plan.original_layers import unsuitable
from edgeae.conversion.plan.tools import tool_versions
from edgeae.errors import BadInput, EdgeaeError, ManifestMismatch, system_error
from edgeae.recipe import Recipe
from edgeae.scheduling.local import Local
from edgeae.scheduling.task import OUT, Done, Executor, Folder, Task
from edgeae.system import memory

#: The module that a child process runs.
CHILD = "edgeae.conversion.build"
_TIMEOUT_S = 1800.0
_CURRENT, _EXPORTED, _FAILED, _LEFT_OUT = "up to date", "exported", "failed", "left out"


@dataclass(frozen=True)
class ExportCell:
    """A bundle to make.

    Attributes:
        folder: the model's folder.
        recipe: the recipe, with its overrides.
        overrides: the settings that the user put on top of the recipe's file, `key=value` each.
    """

    folder: Path
    recipe: Recipe
    overrides: tuple[str, ...] = ()

    @property
    def link(self) -> Path:
        """The link through which users find the bundle."""
        return self.folder / self.recipe.name

    @property
    def name(self) -> str:
        """The bundle's name: `deep/int8`."""
        return f"{self.folder.name}/{self.recipe.name}"

    @property
    def fine_tuning(self) -> int:
        """The number of training steps, which determine most of the time of an export."""
        return sum(settings.steps for settings in self.recipe.settings)


@dataclass(frozen=True)
class ExportOutcome:
    """The result of a cell.

    Attributes:
        cell: the bundle to make.
        state: `up to date`, `exported`, `failed` or `left out`.
        error: why it failed or was left out, or None.
        seconds: run time of its child process; 0 if there was none.
    """

    cell: ExportCell
    state: str
    error: EdgeaeError | None = None
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the bundle was asked for and could not be made."""
        return self.state == _FAILED

    @property
    def left_out(self) -> bool:
        """Whether the bundle is impossible, and the user did not name it."""
        return self.state == _LEFT_OUT

    def to_json(self) -> dict[str, str | float | None]:
        """Return state, error and seconds as JSON types."""
        error = None if self.error is None else str(self.error)
        return {"state": self.state, "error": error, "seconds": round(self.seconds, 3)}

    def to_text(self) -> str:
        """Return the result in words, such as `build/deep/int8 exported in 7.3 s`."""
        took = f" in {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.cell.link} {self.state}{took}"


def settle(
    cells: Iterable[ExportCell], *, named: bool, force: bool
) -> tuple[list[ExportOutcome], list[ExportCell]]:
    """Separate the cells that need no child process: those up to date, and the impossible ones.

    Args:
        cells: the bundles that are asked for.
        named: whether the user named each cell; impossible cells then fail, else they are left out.
        force: also make the bundles that are up to date.

    Returns:
        The results of the settled cells, and the cells that are still to be made.
    """
    models: dict[Path, Training | EdgeaeError] = {}
    settled: list[ExportOutcome] = []
    stale: list[ExportCell] = []
    for cell in cells:
        if cell.folder not in models:  # a model's file is read and hashed once
            models[cell.folder] = _opened(cell.folder)
        outcome = _settled(cell, models[cell.folder], named, force)
        if outcome is None:
            stale.append(cell)
        else:
            settled.append(outcome)
    return settled, stale


def _opened(folder: Path) -> Training | EdgeaeError:
    try:
        return open_model(folder)
    except EdgeaeError as error:
        return error


def _settled(
    cell: ExportCell, training: Training | EdgeaeError, named: bool, force: bool
) -> ExportOutcome | None:
    if isinstance(training, EdgeaeError):
        return ExportOutcome(cell, _FAILED, training)
    reason = impossible(training, cell.recipe) or unsuitable(cell.folder / KERAS, cell.recipe)
    if reason:
        return ExportOutcome(cell, _FAILED if named else _LEFT_OUT, BadInput(reason))
    try:
        tools = tool_versions(cell.recipe)  # reports a missing package before a child starts
    except EdgeaeError as error:
        return ExportOutcome(cell, _FAILED, error)
    if force or not _is_current(cell, training, tools):
        return None
    return ExportOutcome(cell, _CURRENT)


def impossible(training: Training, recipe: Recipe) -> str:
    """Return why a model cannot be exported under a recipe; empty if it can."""
    if training.form == AS_IS:
        return f"imported as is: there is no original to export{_advice(training)}"
    if not recipe.fine_tunes:
        return ""
    if training.form != "keras":
        return (
            f"model {training.model} was imported from a {_kind(training)}: it cannot be "
            "fine-tuned; "
            f"allowed are recipes without {', '.join(recipe.steps)}"
        )
    if training.dataset["train"] == 0:
        return (
            f"recipe {recipe.name} fine-tunes and needs training data; "
            "import again with --train-data"
        )
    return ""


def _kind(training: Training) -> str:
    return ".tflite file" if training.configuration.get("kind") == "tflite" else "SavedModel"


def _advice(training: Training) -> str:
    """Return what would bring an original of imported files; empty if nothing would."""
    if training.configuration.get("without_original") is not None:
        return ""
    return "; `edgeae import` without --as-is, where edgeae[host] is installed, makes one"


def _is_current(cell: ExportCell, training: Training, tools: dict[str, str]) -> bool:
    """Return whether the bundle of a cell is undamaged and equals what an export would make."""
    if not (cell.link / MANIFEST).exists():
        return False
    try:
        with holding(cell.link) as bundle:
            bundle.check()
            manifest = bundle.manifest
    except EdgeaeError:
        return False  # damaged, or of another schema: export again
    return (
        manifest.recipe_sha256 == cell.recipe.sha256
        and manifest.weights_sha256 == training.weights_sha256
        and manifest.dataset["sha256"] == training.dataset["sha256"]
        and manifest.normalization == training.normalization
        and manifest.standardization == training.standardization
        and manifest.tools == tools
    )


def opened(cells: Iterable[ExportCell]) -> dict[Path, Training]:
    """Return a model's folder → its record, each read once.

    Raises:
        EdgeaeError: a model cannot be read.
    """
    return {folder: open_model(folder) for folder in {cell.folder for cell in cells}}


def at_once(
    cells: Iterable[ExportCell], models: Mapping[Path, Training], jobs: int | None
) -> tuple[int, str]:
    """Return how many of the cells may run at once here; see `memory.workers`.

    Args:
        cells: the bundles to make; not empty.
        models: see `opened`.
        jobs: the number that the user asked for; None for the number of processors.
    """
    needs = [need(cell.recipe, models[cell.folder]) for cell in cells]
    return workers(jobs, needs, memory.available())


def expected(
    cells: Sequence[ExportCell],
    models: Mapping[Path, Training],
    *,
    jobs: int,
    say: Callable[[str], None],
) -> Expected:
    """Return how long the cells will take together.

    Args:
        cells: the bundles to make.
        models: a model's folder → its record.
        jobs, say: see `export`.
    """
    books = {folder: Durations(folder, say) for folder in {cell.folder.parent for cell in cells}}
    times = [books[cell.folder.parent].expected(models[cell.folder], cell.recipe) for cell in cells]
    return total(times, jobs)


def export(
    cells: Iterable[ExportCell],
    *,
    jobs: int,
    say: Callable[[str], None],
    cluster: Executor | None = None,
    moved: Callable[[str, str, str], None] = lambda name, event, worker: None,
    one_core: bool = False,
) -> Iterator[ExportOutcome]:
    """Make each bundle and yield its result; a failure does not stop the others.

    On this machine, each export says how long it will take when it starts, and records how long it
    took.

    Args:
        cells: the bundles to make, even if they are up to date; see `settle`.
        jobs: number of child processes at once on this machine; see `memory.workers`.
        say: receives progress messages of one line.
        cluster: runs the children on other machines; None for this machine. It is closed.
        moved: receives a bundle's name with what `Task.moved` gets.
        one_core: whether each child computes on a core of its own; see `system.one_core`.
    """
    # fine-tuning takes longest and starts first, so that short exports fill the other workers
    ordered = sorted(cells, key=lambda cell: cell.fine_tuning, reverse=True)
    with cluster or Local(jobs) as executor:
        made: dict[Task, ExportCell] = {}
        for cell in ordered:
            try:
                task = _task(cell, jobs, say) if cluster is None else _sent(cell, say, moved)
            except EdgeaeError as error:
                yield ExportOutcome(cell, _FAILED, error)
                continue
            if one_core:
                task = task.on_one_core()
            made[task] = cell
            executor.submit(task)
        for done in executor.completed():
            yield _outcome(made[done.task], done)


def _task(cell: ExportCell, jobs: int, say: Callable[[str], None]) -> Task:
    """Return the export of a cell as a task of this machine."""
    return Task(
        name=cell.name,
        module=CHILD,
        job={
            "model": "{model}",
            "recipe": asdict(cell.recipe),
            "overrides": cell.overrides,
            "out": "{out}",
        },
        into=partial(_timed, cell, jobs, say),
        say=lambda doing: say(f"export {cell.name}: {doing}"),
        reads={"model": Folder(cell.folder, ())},
        timeout_s=_TIMEOUT_S,
    )


def _sent(
    cell: ExportCell, say: Callable[[str], None], moved: Callable[[str, str, str], None]
) -> Task:
    """Return the export of a cell as a task of any machine: it names all that it reads.

    Raises:
        EdgeaeError: the model or its data cannot be read.
    """
    task = _task(cell, 1, say)
    training = open_model(cell.folder)
    try:
        inputs = inputs_of(cell.folder, training, cell.recipe)
    except OSError as error:
        raise system_error(error) from None
    return replace(
        task,
        job={**task.job, "rows": inputs.rows, "controls": f"{{{OUT}}}"},
        into=partial(_received, cell, training),
        reads=inputs.reads,
        variables=inputs.variables,
        versions=tool_versions(cell.recipe),
        moved=partial(moved, cell.name),
    )


def _outcome(cell: ExportCell, done: Done) -> ExportOutcome:
    state = _EXPORTED if done.error is None else _FAILED
    return ExportOutcome(cell, state, done.error, done.seconds)


@contextlib.contextmanager
def _timed(cell: ExportCell, jobs: int, say: Callable[[str], None]) -> Iterator[Path]:
    """Yield the folder of an export, say how long it will take, and record how long it took."""
    start = time.monotonic()
    durations = Durations(cell.folder.parent, say)
    training = open_model(cell.folder)
    say(f"export {cell.name}: {durations.expected(training, cell.recipe).to_text()}")
    with _published(cell) as scratch:
        yield scratch
    durations.record(training, cell.recipe, jobs, time.monotonic() - start)


@contextlib.contextmanager
def _published(cell: ExportCell) -> Iterator[Path]:
    """Yield an empty folder; check and publish the bundle in it as the block ends."""
    with building(cell.folder, cell.recipe.name) as scratch:
        yield scratch
        _check_whole(scratch, cell)


@contextlib.contextmanager
def _received(cell: ExportCell, training: Training) -> Iterator[Path]:
    """Do the same with what a worker sends; the losses of a control that it trained are kept."""
    with _published(cell) as scratch:
        yield scratch
        bring_control(scratch, cell.folder, training, cell.recipe)


def _check_whole(folder: Path, cell: ExportCell) -> None:
    """Check all files that the manifest names, before the bundle is published.

    Raises:
        ManifestMismatch: a file is missing or changed, or the manifest has another recipe.
    """
    with holding(folder) as bundle:
        bundle.check()
    if bundle.manifest.recipe_sha256 != cell.recipe.sha256:
        raise ManifestMismatch(f"{folder}: not made from recipe {cell.recipe.name}")
