"""Render and write the page of a sweep, `build/sweeps/NAME.html`; it makes no request."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae.plotting import svg
from edgeae.report import figures as formats
from edgeae.report.template import fill
from edgeae.sweep.axes import AXES, Axis, varied
from edgeae.sweep.page.contributions import Contributions, contributions
from edgeae.sweep.page.figures import BYTES, INSTRUCTIONS, Colours, colours, figures
from edgeae.sweep.page.front_plot import FrontPlot, Look, front_plot
from edgeae.sweep.page.parallel_plot import ParallelPlot, parallel_plot
from edgeae.sweep.result import DONE, FAILED, Sweep, SweepCell, has_instructions
from edgeae.system import atomic
from edgeae.text.amounts import short_duration
from edgeae.text.markdown import pieces

_TEMPLATE = "sweep.html.j2"
#: Name → pixels: each plot is drawn for a laptop and for a phone; the page shows one of them.
_WIDE = {"wide": 1120, "narrow": 350}
_HALF = {"wide": 548, "narrow": 350}
#: The most rows of the table of cells, of that of the front and of that of reasons.
_MOST_ROWS, _MOST_FRONT, _MOST_REASONS = 1000, 200, 200
#: The most names that a reason has.
_MOST_NAMES = 12


@dataclass(frozen=True)
class Dataset:
    """The cells on one dataset, with their plots.

    Attributes:
        name: the dataset, as the grid names it.
        cells: its cells.
        fronts: a plot for each cost.
        parallel: the parallel coordinates; None if fewer than two cells have a loss.
        best: the cells on the front, by ascending loss, as many as the page shows.
        best_n: number of cells on the front.
    """

    name: str
    cells: tuple[SweepCell, ...]
    fronts: tuple[FrontPlot, ...]
    parallel: ParallelPlot | None
    best: tuple[SweepCell, ...]
    best_n: int


@dataclass(frozen=True)
class Ended:
    """Cells that are not done for the same reason.

    Attributes:
        state, reason: see `SweepCell`.
        names: names of the first of them.
        n: number of them.
    """

    state: str
    reason: str
    names: tuple[str, ...]
    n: int


def write(path: Path, sweep: Sweep) -> None:
    """Write the page of a sweep.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    atomic.write_text(path, page(sweep))


def page(sweep: Sweep) -> str:
    """Return the page as HTML.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    axes = varied(sweep)
    hues = colours(axes)
    datasets = [
        _dataset(sweep, name, number, axes, hues)
        for number, name in enumerate(dict.fromkeys(cell.data for cell in sweep.cells))
    ]
    counted = has_instructions(sweep.cells)
    rows = sweep.cells[:_MOST_ROWS]
    ended = _ended(sweep)
    return fill(
        _TEMPLATE,
        {
            "pieces": pieces,
            "loss": formats.loss,
            "ratio": formats.ratio,
            "count": formats.count,
            "micros": _micros,
        },
        folder=Path(__file__).parent,
        sweep=sweep,
        states=_states(sweep),
        axes=axes,
        axis_rows=_axis_rows(sweep),
        product=_product(axes, sweep),
        settings=_settings(sweep),
        legend=_legend(hues),
        coloured=hues.axis.name if hues.axis else "",
        datasets=datasets,
        several=len(datasets) > 1,
        counted=counted,
        hosts=list(dict.fromkeys(cell.host for cell in sweep.cells if cell.host)),
        costs="loss, packed bytes and instructions" if counted else "loss and packed bytes",
        contributions=list(_contributions(sweep, datasets, axes)),
        zeros=_zeros(sweep),
        rows=rows,
        rows_left_out=len(sweep.cells) - len(rows),
        ended=ended[:_MOST_REASONS],
        ended_left_out=sum(item.n for item in ended[_MOST_REASONS:]),
        failed=FAILED,
        done=DONE,
    )


def _micros(p50_us: float | None) -> str:
    return "–" if p50_us is None else short_duration(p50_us * 1e3)


def _dataset(sweep: Sweep, name: str, number: int, axes: Sequence[Axis], hues: Colours) -> Dataset:
    cells = tuple(cell for cell in sweep.cells if cell.data == name)
    costs = (BYTES, INSTRUCTIONS) if has_instructions(cells) else (BYTES,)
    plots = (
        front_plot(
            cells,
            cost,
            Look(axes, hues, _HALF),
            f"Loss against {cost.name}" + _of(sweep, cost.name == INSTRUCTIONS.name),
            f"front-{number}-{place}",
        )
        for place, cost in enumerate(costs)
    )
    best = sorted((cell for cell in cells if cell.on_front), key=lambda cell: cell.loss or 0)
    return Dataset(
        name,
        cells,
        tuple(plot for plot in plots if plot is not None),
        parallel_plot(cells, Look(axes, hues, _WIDE), f"All axes on {name}", f"all-{number}"),
        tuple(best[:_MOST_FRONT]),
        len(best),
    )


def _of(sweep: Sweep, counted: bool) -> str:
    """Return what the instructions are those of: ` of the encoder on cortex-m4`."""
    core, part = sweep.evaluate.get("core"), sweep.evaluate.get("part")
    return f" of the {part} on {core}" if counted and core and part else ""


def _zeros(sweep: Sweep) -> int:
    """Return the number of cells with a figure that no logarithmic scale can show."""
    shown = figures(sweep.cells)
    return sum(any(item.of(cell) == 0 for item in shown) for cell in sweep.cells)


def _states(sweep: Sweep) -> list[tuple[str, int]]:
    """Return each state with its number of cells, `done` first, the most frequent next."""
    counts = Counter(cell.state for cell in sweep.cells)
    return [(DONE, counts.pop(DONE, 0)), *counts.most_common()]


def _axis_rows(sweep: Sweep) -> list[tuple[str, str]]:
    """Return each axis with its values as the file gives them, or with what replaces them."""
    rows = []
    for name, key in AXES.items():
        values = sweep.grid.get(key)
        if isinstance(values, list) and values:
            rows.append((name, ", ".join(map(str, values))))
        else:
            rows.append((name, "each family’s default"))
    return rows


def _product(axes: Sequence[Axis], sweep: Sweep) -> str:
    """Return the size of the grid: `3 families × 3 codes × 2 seeds`."""
    plural = {**AXES, "data": "datasets", "hidden": "widths"}
    return " × ".join(f"{len(sweep.grid[AXES[axis.name]])} {plural[axis.name]}" for axis in axes)


def _settings(sweep: Sweep) -> list[tuple[str, str]]:
    """Return what the file sets beside the grid."""
    tables = (("train", sweep.train), ("evaluate", sweep.evaluate), ("budget", sweep.budget))
    rows = [
        (f"{table}.{key}", f"{value:g}" if isinstance(value, float) else str(value))
        for table, values in tables
        for key, value in values.items()
        if value not in (None, "") and (key != "part" or values.get("core"))
    ]
    out = sweep.grid.get("exclude")
    return [
        *rows,
        *([("exclude", ", ".join(map(str, out)))] if isinstance(out, list) and out else []),
    ]


def _legend(hues: Colours) -> list[tuple[int, str, str]]:
    """Return number, marker and level of each series; none if all cells have one colour."""
    levels = hues.axis.levels if hues.axis else ()
    return [(number, svg.SHAPES[number], text) for number, text in enumerate(levels)]


def _contributions(
    sweep: Sweep, datasets: Sequence[Dataset], axes: Sequence[Axis]
) -> Iterator[Contributions]:
    """Yield the contributions over all cells, then those on each dataset, if there are several."""
    title = "All datasets together" if len(datasets) > 1 else f"On {datasets[0].name}"
    scopes: list[tuple[str, Sequence[SweepCell]]] = [(title, sweep.cells)]
    if len(datasets) > 1:
        scopes += [(f"On {item.name}", item.cells) for item in datasets]
    for name, cells in scopes:
        found = contributions(cells, axes, name)
        if found is not None:
            yield found


def _ended(sweep: Sweep) -> list[Ended]:
    """Return what is not done, by state and reason: failures first, else in the cells' order."""
    names: dict[tuple[str, str], list[str]] = {}
    for cell in sweep.cells:
        if cell.state != DONE:
            names.setdefault((cell.state, cell.reason), []).append(cell.name)
    found = [
        Ended(state, reason, tuple(held[:_MOST_NAMES]), len(held))
        for (state, reason), held in names.items()
    ]
    return sorted(found, key=lambda item: item.state != FAILED)
