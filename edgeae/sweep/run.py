"""Runs a sweep: trainings, then exports, then measurements; what is up to date is not done again.

A failure ends its branch of the grid and no other. Each result stands in the journal as soon as it
is there, so that the same command goes on after Ctrl-C or a kill.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.artifacts.model import Training, open_model
from edgeae.conversion.plan.export import ExportOutcome, at_once, export, opened, settle
from edgeae.errors import EdgeaeError, NotMeasured
from edgeae.report.template import require
from edgeae.scheduling.task import Executor
from edgeae.sweep import journal as journals
from edgeae.sweep.journal import EXPORT, MEASURE, TIME, TRAIN, Journal
from edgeae.sweep.latency import Latency, check_place, measured_latency
from edgeae.sweep.measure import measured
from edgeae.sweep.page import page as pages
from edgeae.sweep.plan import Cell, Model, Plan
from edgeae.sweep.result import (
    DONE,
    FAILED,
    LEFT_OUT,
    NOT_MEASURED,
    OVER,
    SCHEMA,
    Sweep,
    SweepCell,
    on_front,
    page_of,
    place,
    write,
)
from edgeae.sweep.standing import Source, beyond, export_cell, trained
from edgeae.system import atomic
from edgeae.text.progress import Progress
from edgeae.timing.results import Result
from edgeae.training.tasks import Asked, train_on
from edgeae.training.zoo import train_each

#: Trainings at once, unless the user says otherwise.
_JOBS = 2


@dataclass(frozen=True)
class Stopped:
    """Why a branch of the grid ended.

    Attributes:
        state: the state of its cells; see `SweepCell`.
        reason: why, in one line.
        code: the exit code of a failure, else 0.
    """

    state: str
    reason: str
    code: int = 0


@dataclass(frozen=True)
class Machines:
    """Where the tasks of a sweep run.

    Attributes:
        name: as `--scheduler` says it.
        executor: number of tasks at once, if they run here → an executor; or None for this
            machine's own processes.
        are_remote: whether the machine's memory does not limit them.
    """

    name: str
    executor: Callable[[int], Executor | None]
    are_remote: bool = False


#: Child processes of this machine.
THIS_MACHINE = Machines("local", lambda jobs: None)


@dataclass(frozen=True)
class Outcome:
    """The result of a sweep.

    Attributes:
        sweep: the content of its file.
        codes: the exit codes of what failed.
    """

    sweep: Sweep
    codes: tuple[int, ...]


def run(
    plan: Plan,
    build: Path,
    found: dict[str, Source],
    *,
    jobs: int | None,
    say: Callable[[str], None],
    machines: Machines = THIS_MACHINE,
) -> Outcome:
    """Train, export and measure what is not up to date; write the sweep's result and its page.

    Args:
        plan: the sweep.
        build: folder of models.
        found: the datasets; see `standing.sources`.
        jobs: child processes at once; None for two trainings, and for as many exports as cores and
            memory allow.
        say: receives messages of one line.
        machines: where trainings and exports run.

    Raises:
        EdgeaeError: the cluster is gone; what was finished is kept.
        Busy: another process runs a sweep of this name in this build.
        RuntimeUnavailable: jinja2, which the page needs, or TensorFlow is not installed.
        KeyboardInterrupt: Ctrl-C; what was finished is kept.
    """
    require()
    check_place(plan.file.evaluate, is_cluster=machines.are_remote)
    file = place(build, plan.name)
    with atomic.lock(file.with_name(f".{plan.name}.lock"), f"sweep {plan.name}"):
        journal = Journal(file.with_suffix(".jsonl"), say)
        stages = _Stages(plan, build, jobs, journal, say, machines)
        with journal.running(machines.name):
            models = stages.train(found)
            bundles = stages.export(models)
            counted = stages.measure(bundles)
            timed = stages.time(bundles)
        cells = [_cell(item, models, bundles, counted, timed) for item in plan.cells]
        best = on_front(cells)
        cells = [replace(item, on_front=item.name in best) for item in cells]
        tables = {key: _plain(value) for key, value in asdict(plan.file).items()}
        sweep = Sweep(SCHEMA, plan.name, **tables, excluded=plan.excluded, cells=tuple(cells))
        write(file, sweep)
        pages.write(page_of(file), sweep)
    ended = [*models.values(), *bundles.values(), *counted.values(), *timed.values()]
    return Outcome(sweep, tuple({item.code for item in ended if isinstance(item, Stopped)}))


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {key: list(item) if isinstance(item, tuple) else item for key, item in table.items()}


class _Stages:
    """The stages of one run; each returns what it made, or why it did not."""

    def __init__(
        self,
        plan: Plan,
        build: Path,
        jobs: int | None,
        journal: Journal,
        say: Callable[[str], None],
        machines: Machines,
    ) -> None:
        self._plan, self._build, self._jobs = plan, build, jobs
        self._journal, self._say, self._machines = journal, say, machines

    def train(self, found: dict[str, Source]) -> dict[str, Training | Stopped]:
        """Train the models; return model → its training."""
        models = self._plan.models
        there = trained(models, self._build, found)
        for name in there:
            self._journal.add(name, TRAIN, journals.CURRENT)
        stale = [model for model in models if model.name not in there]
        return {**there, **self._trained(stale, found)}

    def _trained(
        self, models: list[Model], found: dict[str, Source]
    ) -> dict[str, Training | Stopped]:
        if not models:
            return {}
        results: dict[str, Training | Stopped] = {}
        total = len(self._plan.models)
        done = total - len(models)
        with (
            Progress(total, "sweep: train", "model", done=done, each=True) as progress,
            # the children end before any error leaves this block
            closing(self._trainings(models, found, progress.tell)) as children,
        ):
            for name, code, error in children:
                results[name] = item = self._opened(name, code, error)
                self._journal_training(name, item)
                ended = "failed" if isinstance(item, Stopped) else "is ready"
                progress.advance(f"{name} {ended}")
        return results

    def _trainings(
        self, models: list[Model], found: dict[str, Source], say: Callable[[str], None]
    ) -> Generator[tuple[str, int, str]]:
        """Train models here or on a cluster; yield name, exit code and error of each."""
        jobs = self._jobs or _JOBS
        cluster = self._machines.executor(jobs)
        if cluster is None:
            words = {item.name: item.words(found[item.data].data, self._build) for item in models}
            return train_each(words, jobs=jobs, say=say, one_core=True)
        asked = {
            item.name: Asked(
                self._build / item.name,
                item.settings,
                found[item.data].data,
                found[item.data].sha256,
            )
            for item in models
        }
        moved = self._journal.moved(TRAIN)
        return train_on(cluster, asked, force=True, say=say, moved=moved, one_core=True)

    def _journal_training(self, name: str, item: Training | Stopped) -> None:
        if isinstance(item, Stopped):
            self._journal.add(name, TRAIN, item.state, item.reason, item.code)
        else:
            self._journal.add(name, TRAIN, "trained", seconds=item.seconds)

    def _opened(self, name: str, code: int, error: str) -> Training | Stopped:
        if code:
            return Stopped(FAILED, f"training: {error}", code)
        try:
            return open_model(self._build / name)
        except EdgeaeError as found:
            return Stopped(FAILED, f"training: {found}", found.code)

    def export(self, models: dict[str, Training | Stopped]) -> dict[str, Bundle | Stopped]:
        """Export the cells whose model is there and within its budget; return cell → bundle."""
        results: dict[str, Bundle | Stopped] = {}
        asked: dict[Path, Cell] = {}
        limit = self._plan.file.budget.loss
        for cell in self._plan.cells:
            training = models[cell.model.name]
            if isinstance(training, Stopped):
                results[cell.name] = training
            elif reason := beyond(training, limit):
                results[cell.name] = Stopped(OVER, reason)
                self._journal.add(cell.name, EXPORT, journals.OVER, reason)
            else:
                asked[export_cell(cell, self._build).link] = cell
        for outcome in self._exported(asked):
            cell = asked[outcome.cell.link]
            results[cell.name] = item = _bundle(outcome)
            reason, code = (item.reason, item.code) if isinstance(item, Stopped) else ("", 0)
            self._journal.add(cell.name, EXPORT, outcome.state, reason, code, outcome.seconds)
        return results

    def _exported(self, asked: dict[Path, Cell]) -> Iterable[ExportOutcome]:
        cells = [export_cell(cell, self._build) for cell in asked.values()]
        settled, stale = settle(cells, named=False, force=False)
        yield from settled
        if not stale:
            return
        jobs, note = at_once(stale, opened(stale), self._jobs)
        if note and not self._machines.are_remote:
            self._say(f"sweep: {note}")
        cluster, moved = self._machines.executor(jobs), self._journal.moved(EXPORT)
        total, done = len(cells), len(cells) - len(stale)
        with Progress(total, "sweep: export", "bundle", done=done, each=True) as progress:
            made = export(
                stale, jobs=jobs, say=progress.tell, cluster=cluster, moved=moved, one_core=True
            )
            for outcome in made:
                progress.advance(outcome.to_text())
                yield outcome

    def measure(self, bundles: dict[str, Bundle | Stopped]) -> dict[str, Result | Stopped]:
        """Count the bundles within their budget on the core, if there is one."""
        evaluate = self._plan.file.evaluate
        if not evaluate.core:
            return {}
        results: dict[str, Result | Stopped] = {}
        asked = self._within_budget(bundles, results, MEASURE)
        for name, row, fresh in measured(asked, evaluate, self._build, self._say):
            results[name] = item = row if row.error is None else _refusal(row)
            self._journal_measured(name, MEASURE, item, fresh)
        return results

    def time(self, bundles: dict[str, Bundle | Stopped]) -> dict[str, Latency | Stopped]:
        """Time the bundles within their budget in the runtime, if there is one.

        It is the last stage, so that nothing of the sweep runs beside it.
        """
        evaluate = self._plan.file.evaluate
        if not evaluate.runtime:
            return {}
        results: dict[str, Latency | Stopped] = {}
        asked = self._within_budget(bundles, results, TIME)
        try:
            for name, latency, fresh in self._timed(asked):
                item = _untimed(latency) if latency.p50_us is None else latency
                results[name] = item
                self._journal_measured(name, TIME, item, fresh)
        except EdgeaeError as error:  # what was trained and exported is kept, with its figures
            for name in [name for name in asked if name not in results]:
                results[name] = item = Stopped(NOT_MEASURED, str(error), error.code)
                self._journal_measured(name, TIME, item, fresh=True)
        return results

    def _timed(self, bundles: dict[str, Bundle]) -> Iterator[tuple[str, Latency, bool]]:
        evaluate, machines = self._plan.file.evaluate, self._machines
        if not bundles:
            return
        with ExitStack() as stack:
            executor = machines.executor(1) if machines.are_remote else None
            if executor is not None:
                stack.enter_context(executor)
            yield from measured_latency(bundles, evaluate, self._build, self._say, executor)

    def _within_budget(
        self, bundles: dict[str, Bundle | Stopped], over: dict[str, Any], stage: str
    ) -> dict[str, Bundle]:
        """Return the bundles that are measured; those beyond their budget are added to `over`."""
        limit = self._plan.file.budget.packed_bytes
        asked: dict[str, Bundle] = {}
        for name, bundle in bundles.items():
            if isinstance(bundle, Stopped):
                continue
            packed = bundle.artifact("autoencoder").packed_bytes
            if limit is not None and packed is not None and packed > limit:
                reason = f"{packed:,} packed bytes are above budget.packed_bytes = {limit:,}"
                over[name] = Stopped(OVER, reason)
                self._journal.add(name, stage, journals.OVER, reason)
            else:
                asked[name] = bundle
        return asked

    def _journal_measured(
        self, name: str, stage: str, item: Result | Latency | Stopped, fresh: bool
    ) -> None:
        if isinstance(item, Stopped):
            self._journal.add(name, stage, item.state, item.reason, item.code)
        else:
            self._journal.add(name, stage, "measured" if fresh else journals.CURRENT)


def _bundle(outcome: ExportOutcome) -> Bundle | Stopped:
    error = outcome.error
    if error is None:
        try:
            return open_bundle(outcome.cell.link)
        except EdgeaeError as found:
            error = found
    if outcome.left_out:
        return Stopped(LEFT_OUT, str(error))
    return Stopped(FAILED, f"export: {error}", error.code)


def _refusal(row: Result) -> Stopped:
    """Return why a core did not count."""
    state = NOT_MEASURED if row.code in (0, NotMeasured.code) else FAILED
    return Stopped(state, f"{row.runtime}: {row.error}", row.code)


def _untimed(latency: Latency) -> Stopped:
    """Return why a runtime has no time."""
    state = NOT_MEASURED if latency.code in (0, NotMeasured.code) else FAILED
    return Stopped(state, latency.error, latency.code)


def _cell(
    cell: Cell,
    models: dict[str, Training | Stopped],
    bundles: dict[str, Bundle | Stopped],
    counted: dict[str, Result | Stopped],
    timed: dict[str, Latency | Stopped],
) -> SweepCell:
    settings = cell.model.settings
    made = SweepCell(
        model=cell.model.name,
        recipe=cell.recipe.name,
        family=settings.family,
        code=settings.code,
        hidden=settings.hidden,
        activation=settings.activation,
        seed=settings.seed,
        data=cell.model.data,
        state=DONE,
    )
    reached = (counted.get(cell.name), timed.get(cell.name))
    for item in (models[cell.model.name], bundles[cell.name], *reached):
        match item:
            case Training():
                made = replace(made, code_values=item.code_size, float_loss=item.losses.get("test"))
            case Bundle():
                made = replace(made, **_of_bundle(item))
            case Result():
                made = replace(
                    made,
                    instructions=item.instructions,
                    flash_bytes=item.flash_bytes,
                    ram_bytes=item.ram_bytes,
                )
            case Latency():
                made = replace(made, p50_us=item.p50_us, host=item.host)
            case Stopped():
                made = replace(made, state=item.state, reason=item.reason)
    return made


def _of_bundle(bundle: Bundle) -> dict[str, Any]:
    whole, loss = bundle.artifact("autoencoder"), bundle.manifest.loss
    assert loss is not None  # None only if there is no decoder, which no recipe makes
    return {
        "loss": loss.exported,
        "loss_ratio": loss.yardstick_ratio,
        "packed_bytes": whole.packed_bytes,
        "bytes": whole.bytes,
        "sha256": whole.sha256,
    }
