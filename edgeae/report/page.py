"""Render the report's page, `index.html`, from the summary and the images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeae.detect import table as detection_table
from edgeae.detect.result import Detection
from edgeae.report import figures
from edgeae.report.counted_tables import counted_tables
from edgeae.report.detection_plots import plots_of
from edgeae.report.front_plot import front_plot, title
from edgeae.report.latencies import Bar, latencies
from edgeae.report.live_card import LiveSection
from edgeae.report.plots import curve, size_plot
from edgeae.report.sheet import Sheet
from edgeae.report.template import fill
from edgeae.runtimes import RUNTIMES
from edgeae.summary import comparison
from edgeae.summary.by_column import by_column
from edgeae.summary.by_label import by_label
from edgeae.summary.exports import Export, row_verdict
from edgeae.summary.gather import Summary
from edgeae.summary.latency import Timing
from edgeae.summary.trained import CodeSizes
from edgeae.system.machine import machine_line
from edgeae.text.amounts import duration, throughput
from edgeae.text.markdown import pieces
from edgeae.timing.suite import ORIGINAL

_TEMPLATE = "page.html.j2"
#: Functions of `figures` that the template uses as filters.
_FILTERS = (
    *("loss", "added", "ratio", "times", "count", "decibels", "digits", "seconds"),
    *("share", "real", "interval"),
)
#: Name → pixels: each plot is drawn for a laptop and for a phone; the page shows one of them.
_WIDTHS = {"wide": 1120, "narrow": 350}
#: The widths of a plot of a few points.
_SMALL = {"wide": 640, "narrow": 350}
#: The widths of one of two plots that stand side by side on a laptop.
_HALF = {"wide": 548, "narrow": 350}
_PARTS = ("autoencoder", "encoder", "decoder")
#: A layer with at least this share of zeros counts as pruned; int8 rounding makes a few percent.
_PRUNED = 0.1


@dataclass(frozen=True)
class RuntimeVerdict:
    """Verify's verdict on one export in one runtime, and the text that shows it."""

    verdict: str
    text: str


@dataclass(frozen=True)
class Group:
    """Latencies of one part of one model, the fastest first."""

    model: str
    part: str
    timings: tuple[Timing, ...]


def page(summary: Summary, sheets: Mapping[str, Sheet], live: LiveSection | None = None) -> str:
    """Return the text of `index.html`.

    Args:
        summary: everything that the page shows except the images.
        sheets: model → its strips of images.
        live: what leads to the live page; None without one.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    return fill(
        _TEMPLATE,
        {"pieces": pieces, "throughput": throughput}
        | {name: getattr(figures, name) for name in _FILTERS},
        summary=summary,
        sheets=sheets,
        live=live,
        figures=figures,
        curves=[(model, curve(model, number)) for number, model in enumerate(summary.trained)],
        sizes=_sizes(summary),
        fronts=_fronts(summary),
        labels={model.name: by_label(summary.of(model.name)) for model in summary.exported},
        columns={model.name: by_column(summary.of(model.name)) for model in summary.exported},
        runtimes=_runtimes(summary),
        cell=_cell,
        row_verdict=row_verdict,
        pruned=[export for export in summary.exports if _sparsity(export)],
        sparsity=_sparsity,
        groups=_groups(summary),
        emulated=[item for item in summary.latency.timings if item.software],
        latencies={model.name: _latencies(summary, model.name) for model in summary.models},
        counted=counted_tables(summary),
        comparison=comparison,
        detectors=detection_table,
        detections=_detections(summary),
        machine_line=machine_line,
        duration=duration,
    )


def _fronts(summary: Summary) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Draw each model's fronts: model → pairs of a title and a drawing for each width."""
    series, machines = _series(summary), len(summary.latency.machines)
    by_model: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for number, front in enumerate(summary.fronts):
        drawings = {
            name: front_plot(front, width, number, series[front.model], machines)
            for name, width in _HALF.items()
        }
        by_model.setdefault(front.model, []).append((title(front, machines), drawings))
    return by_model


def _detections(summary: Summary) -> list[tuple[Detection, list[tuple[str, dict[str, str]]]]]:
    """Pair each detection with its plots: pairs of a title and a drawing for each width."""
    return [
        (
            found,
            [
                (name, {width: draw(found, _HALF[width], number) for width in _HALF})
                for name, draw in plots_of(found)
            ],
        )
        for number, found in enumerate(summary.detections)
    ]


def _sizes(summary: Summary) -> list[tuple[CodeSizes, dict[str, str]]]:
    """Draw loss against code size, for each width, of each family that has several sizes."""
    return [
        (item, {name: size_plot(item, width, number) for name, width in _SMALL.items()})
        for number, item in enumerate(summary.code_sizes)
    ]


def _latencies(summary: Summary, model: str) -> dict[str, str]:
    """Draw the latencies of a model's autoencoder for each width."""
    number = _series(summary)[model]
    bars = [
        Bar(
            _label(item, summary),
            item.p50_ns,
            item.p99_ns,
            None if item.runtime == "null" or item.recipe == ORIGINAL else number,
            f"{item.recipe} {item.part}.{item.format} on {item.runtime}: p50 "
            f"{duration(item.p50_ns)}, p99 {duration(item.p99_ns)}",
        )
        for item in summary.latency.timings
        if (item.model, item.part) == (model, "autoencoder") and item.p50_ns and not item.software
    ]
    if not bars:
        return {}
    title = f"Latency of the {model} autoencoder"
    return {
        name: latencies(bars, width, f"latency-{number}", title) for name, width in _WIDTHS.items()
    }


def _label(item: Timing, summary: Summary) -> str:
    label = f"{item.recipe} · {item.runtime}"
    if item.runtime == "null":
        label = f"{item.recipe}.{item.format} · null"
    if item.threads != 1:
        label += f" · {item.threads} threads"
    if item.batch != 1:
        label += f" · batch {item.batch}"
    if len(summary.latency.machines) > 1:
        label += f" · machine {item.machine + 1}"
    return label


def _series(summary: Summary) -> dict[str, int]:
    return {model.name: number for number, model in enumerate(summary.models)}


def _runtimes(summary: Summary) -> list[str]:
    """Return the runtimes in verify's rows, in the order of `RUNTIMES`."""
    met = {row.runtime for export in summary.exports for row in export.rows}
    return sorted(
        met, key=lambda name: (list(RUNTIMES).index(name) if name in RUNTIMES else 99, name)
    )


def _cell(export: Export, runtime: str) -> RuntimeVerdict | None:
    """Return an export's worst row in a runtime; None if the export has no row for the runtime."""
    rows = [row for row in export.rows if row.runtime == runtime]
    if not rows:
        return None
    composed = (item.verdict for item in export.compositions if item.runtime == runtime)
    verdict = row_verdict((*(row.verdict for row in rows), *composed))
    if verdict == "unavailable":
        return RuntimeVerdict(verdict, "not available")
    return RuntimeVerdict(verdict, figures.difference(rows) or verdict)


def _sparsity(export: Export) -> Sequence[tuple[str, float]]:
    """Return pairs of layer and share of zeros; an empty sequence if no layer is pruned."""
    whole = export.file("autoencoder")
    layers = sorted(whole.sparsity.items()) if whole else []
    return layers if any(share >= _PRUNED for _, share in layers) else []


def _groups(summary: Summary) -> list[Group]:
    timings = [item for item in summary.latency.timings if not item.software]
    groups = [
        Group(
            model.name,
            part,
            tuple(item for item in timings if (item.model, item.part) == (model.name, part)),
        )
        for model in summary.models
        for part in _PARTS
    ]
    return [group for group in groups if group.timings]
