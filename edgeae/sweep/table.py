"""The plan and the result of a sweep as text."""

from collections import Counter
from collections.abc import Sequence

from edgeae.sweep.estimate import Forecast, Stage
from edgeae.sweep.plan import Plan
from edgeae.sweep.result import DONE, Sweep, SweepCell, has_instructions
from edgeae.text.amounts import clock_time, duration, size
from edgeae.text.columns import align

#: The most rows that a table on a terminal has; the file has all of them.
_MOST_ROWS = 60
_FRONT = "*"


def render_plan(plan: Plan, ahead: Forecast) -> str:
    """Return the models with their recipes, the counts, and the estimate of core-hours."""
    recipes: dict[str, list[str]] = {model.name: [] for model in plan.models}
    for cell in plan.cells:
        recipes[cell.model.name].append(cell.recipe.name)
    rows = [["model", "recipes"], *([name, " ".join(names)] for name, names in recipes.items())]
    shown = align(rows[: _MOST_ROWS + 1], left=2).splitlines()
    if len(rows) > _MOST_ROWS + 1:
        shown.append(f"… and {len(rows) - _MOST_ROWS - 1:,} further models; --json has all")
    counts = align(
        [
            ["", "planned", "up to date", "to do"],
            _counts("models", ahead.train),
            _counts("exports", ahead.export),
            _counts("measurements", ahead.measure),
        ],
        left=1,
    )
    out = [f"exclude leaves out {plan.excluded:,} bundles"] if plan.excluded else []
    return "\n".join([*shown, "", counts, *out, *plan.notes, _told(ahead)])


def _counts(what: str, stage: Stage) -> list[str]:
    return [what, f"{stage.total:,}", f"{stage.total - stage.left:,}", f"{stage.left:,}"]


def _told(ahead: Forecast) -> str:
    left = ahead.train.left + ahead.export.left
    if not left:
        return "nothing to train or to export"
    if ahead.untold == left:
        return "no estimate of core-hours: no training and no export like these is recorded here"
    hours = ahead.core_hours
    alone = clock_time(hours * 3600 / ahead.cores)
    amount = f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"
    told = f"{amount} core-hours, {alone} on the {ahead.cores} cores of this machine"
    if ahead.untold:
        return (
            f"at least {told}: of {ahead.untold:,} of {left:,} trainings and exports no time is "
            "recorded"
        )
    return f"about {told}, from recorded times"


def render(sweep: Sweep, file: object) -> str:
    """Return the result: a row per cell, those of a long table only if they are on the front.

    Args:
        sweep: the result.
        file: where it was written, for the last line.
    """
    cells = sweep.cells
    shown = cells if len(cells) <= _MOST_ROWS else [cell for cell in cells if cell.on_front]
    counted = has_instructions(cells)
    head = ["", "model/recipe", "float loss", "loss", "ratio", "packed"]
    hosts = list(dict.fromkeys(cell.host for cell in cells if cell.host))
    head += [*(["instructions", "flash", "RAM"] if counted else [])]
    head += [*(["p50"] if hosts else []), *(["host"] if len(hosts) > 1 else []), "state"]
    rows = [_row(cell, counted, len(hosts)) for cell in shown]
    width = len(head) - 1
    lines = align([[*row[:width]] for row in [head, *rows]], left=2).splitlines()
    wide = max(map(len, lines))
    states = [row[width] for row in (head, *rows)]
    told = [f"{line:{wide}}  {state}".rstrip() for line, state in zip(lines, states, strict=True)]
    return "\n".join([*told, *_timed(sweep, hosts), *_last(cells, shown, file)])


def _row(cell: SweepCell, counted: bool, hosts: int) -> list[str]:
    figures = (cell.float_loss, cell.loss)
    exact = [
        "" if cell.instructions is None else f"{cell.instructions:,}",
        *("" if amount is None else size(amount) for amount in (cell.flash_bytes, cell.ram_bytes)),
    ]
    timed = ["" if cell.p50_us is None else duration(cell.p50_us * 1000), cell.host or ""]
    return [
        _FRONT if cell.on_front else "",
        cell.name,
        *("" if value is None else f"{value:.6f}" for value in figures),
        "" if cell.loss_ratio is None else f"{cell.loss_ratio:.4f}",
        "" if cell.packed_bytes is None else size(cell.packed_bytes),
        *(exact if counted else []),
        *timed[: min(hosts, 2)],
        cell.state if not cell.reason else f"{cell.state}: {cell.reason}",
    ]


def _timed(sweep: Sweep, hosts: Sequence[str]) -> list[str]:
    """Return what was timed and where; nothing if nothing was."""
    if not hosts:
        return []
    what = f"p50 of the {sweep.evaluate['part']} in {sweep.evaluate['runtime']}"
    if len(hosts) == 1:
        return [f"{what}, on {hosts[0]}"]
    return [f"{what}, on {len(hosts)} machines: compare only times of one host"]


def _last(cells: Sequence[SweepCell], shown: Sequence[SweepCell], file: object) -> list[str]:
    states = Counter(cell.state for cell in cells)
    first = {DONE: states.pop(DONE, 0)}
    counts = ", ".join(f"{count:,} {state}" for state, count in {**first, **states}.items())
    costs = (
        "loss, packed bytes and instructions"
        if has_instructions(cells)
        else "loss and packed bytes"
    )
    lines = [f"{_FRONT} on the Pareto front of {costs}"]
    if len(shown) < len(cells):
        lines.append(f"{len(cells) - len(shown):,} cells are not shown")
    return [*lines, f"{file}: {len(cells):,} cells: {counts}"]
