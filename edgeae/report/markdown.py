"""Render the summary as Markdown, for a CI job's summary or a pull request's comment."""

from collections.abc import Callable, Sequence
from typing import Any

from edgeae.detect import table as detectors
from edgeae.report import figures
from edgeae.report.counted_tables import counted_tables
from edgeae.report.front_plot import title
from edgeae.report.markdown_counted import counted
from edgeae.report.markdown_models import models
from edgeae.summary.by_label import worst_label
from edgeae.summary.comparison import ABOUT, HEADER, WORDS
from edgeae.summary.exports import Export
from edgeae.summary.fronts import Front
from edgeae.summary.gather import Model, Summary
from edgeae.summary.latency import Failure, Timing
from edgeae.system.machine import machine_line
from edgeae.text.amounts import duration, throughput
from edgeae.text.markdown import plain, table


def markdown(summary: Summary) -> str:
    """Return the text of `summary.md`."""
    verdict = summary.verdict
    blocks = [
        "# edgeae report",
        f"{figures.MARKS[verdict.verdict]} **{plain(verdict.sentence)}**",
        "\n".join(_origin(model) for model in summary.exported),
        "\n".join(_caution(model) for model in summary.models if model.caution),
        *models(summary),
        *_exports(summary),
        *_absent(summary),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _exports(summary: Summary) -> list[str]:
    if not summary.exports:
        return []
    return [
        "## Loss and size",
        table(_LOSS, _WORDS, map(_loss_row, summary.exports)),
        figures.LADDER,
        "\n".join(_caution(export) for export in summary.exports if export.caution),
        "\n".join(_front(item, len(summary.latency.machines)) for item in summary.fronts),
        *_detections(summary),
        "## Latency",
        *_latency(summary),
        *(block for found in counted_tables(summary) for block in counted(found)),
        *_comparisons(summary),
    ]


def _detections(summary: Summary) -> list[str]:
    if not summary.detections:
        return []
    blocks = ["## Anomaly detection", figures.DETECTION]
    for found in summary.detections:
        sides = (found.original, *found.sides)
        measured = [side for side in sides if side.verdict == "measured"]
        absent = [detectors.absence(side) for side in sides if side.verdict != "measured"]
        remarks = [*found.warnings, *detectors.surprises(found), *absent]
        blocks += [
            f"**{plain(found.name)}**",
            table(detectors.HEADER, detectors.HEADER[:2], map(detectors.cells, measured)),
            "\n".join(f"- {plain(line)}" for line in [*detectors.rows_lines(found), *remarks]),
        ]
    return blocks


def _comparisons(summary: Summary) -> list[str]:
    if not summary.comparisons:
        return []
    blocks = ["## edgeae and tfmot", ABOUT]
    for item in summary.comparisons:
        blocks.append(plain(", ".join(item.models)))
        blocks.append(table(HEADER, WORDS, [row.cells for row in item.rows]))
        blocks.append("\n".join(f"- {line}" for line in item.verdicts))
    return blocks


_LOSS = (
    *("model", "recipe", "steps", "test MSE", "added", "reference", "ratio", "p99 ratio"),
    *("worst label", "raw", "gzip", "packed", "smaller", "verify: worst"),
)
_WHAT = ("model", "recipe", "part", "runtime", "threads", "batch")
_LATENCY = (*_WHAT, "p50", "fixed", "p90", "p99", "±95 %", "examples")
_COLD = (*_WHAT, "start to answer", "import", "load", "first", "peak RSS")
_WORDS = {"model", "recipe", "steps", "verify: worst", "part", "runtime"}


def _origin(model: Model) -> str:
    dataset = model.dataset
    note = f" ({model.dataset_note})" if model.dataset_note else ""
    weights = ", ".join(f"`{item[:12]}`" for item in model.weights_sha256)
    missing = model.float32_loss is None
    loss = "no original" if missing else f"float32 MSE {figures.loss(model.float32_loss)}"
    return (
        f"- **{plain(model.name)}**: dataset {plain(dataset['name'])}{note}, "
        f"{figures.count(dataset['n'])} test images; {loss}; weights {weights}"
    )


def _caution(item: Model | Export) -> str:
    return f"- ○ {plain(f'{item.name}: {item.caution}')}."


def _loss_row(export: Export) -> list[str]:
    whole = export.file("autoencoder")
    worst = worst_label(export)
    return [
        export.model,
        export.recipe,
        export.steps,
        figures.loss(export.figure("exported")),
        figures.added(export.figure("added")),
        export.against,
        figures.ratio(export.figure("yardstick_ratio")),
        figures.ratio(export.p99_ratio),
        f"{worst[0]} ({figures.ratio(worst[1])})" if worst else "",
        figures.count(export.size) if whole else "",
        figures.count(whole.gzip_bytes) if whole else "",
        figures.count(export.packed),
        figures.times(export.packed_smaller),
        f"{figures.MARKS[export.verdict]} {figures.outcome(export)}",
    ]


def _front(front: Front, machines: int) -> str:
    best = (
        f"{item.recipe} (the knee)" if item.knee else item.recipe
        for item in front.points
        if item.best
    )
    return f"- {plain(title(front, machines))}: the front is {plain(', '.join(best))}"


def _latency(summary: Summary) -> list[str]:
    latency = summary.latency
    if not (latency.timings or latency.failures):
        blocks = ["Not measured: run `edgeae bench`."]
    else:
        real = [item for item in latency.timings if not item.software]
        several = len(latency.machines) > 1
        blocks = [
            "\n".join(_machine(facts, n, several) for n, facts in enumerate(latency.machines, 1)),
            figures.MACHINES if several else "",
            _timings(_LATENCY, _timing_row, real, several) if real else "",
            figures.METHOD,
            "\n".join(
                f"- ○ {_about(item, several)}: {plain(item.warning)}"
                for item in latency.timings
                if item.warning
            ),
            "\n".join(
                f"- ✗ {_about(item, several)}: {plain(item.error)}" for item in latency.failures
            ),
            *_software([item for item in latency.timings if item.software], several),
            *_cold(latency.timings, several),
        ]
    if latency.stale:
        blocks.append(figures.stale(latency.stale))
    return [block for block in blocks if block]


def _machine(facts: dict[str, Any], number: int, several: bool) -> str:
    """Return a machine's line; of several machines each has its number, as in the tables."""
    return f"- {f'machine {number}: ' if several else ''}{plain(machine_line(facts))}"


def _timings(
    header: Sequence[str],
    row: Callable[[Timing], list[str]],
    timings: Sequence[Timing],
    several: bool,
) -> str:
    """Return a table; with several machines, its last column is the machine's number."""
    if not several:
        return table(header, _WORDS, map(row, timings))
    rows = ([*row(item), str(item.machine + 1)] for item in timings)
    return table([*header, "machine"], _WORDS, rows)


def _software(timings: Sequence[Timing], several: bool) -> list[str]:
    if not timings:
        return []
    return [
        "### Software devices",
        figures.SOFTWARE,
        _timings(_LATENCY, _timing_row, timings, several),
    ]


def _cold(timings: Sequence[Timing], several: bool) -> list[str]:
    if not timings:
        return []
    return ["### Cold start", figures.COLD, _timings(_COLD, _cold_row, timings, several)]


def _timing_row(item: Timing) -> list[str]:
    return [
        *_what(item),
        duration(item.p50_ns),
        duration(item.fixed_ns),
        duration(item.p90_ns),
        duration(item.p99_ns),
        figures.interval(item.interval) + ("" if item.settled else " unsettled"),
        throughput(item.examples_per_s),
    ]


def _cold_row(item: Timing) -> list[str]:
    spans = (item.start_ns, item.import_ns, item.load_ns, item.first_ns)
    memory = item.rss_peak_bytes
    return [
        *_what(item),
        *map(duration, spans),
        "" if memory is None else f"{memory / 1e6:.0f} MB",
    ]


def _what(item: Timing) -> list[str]:
    runtime = f"{item.runtime} on {item.device}" if item.software else item.runtime
    part = f"{item.part}.{item.format}"
    return [item.model, item.recipe, part, runtime, str(item.threads), str(item.batch)]


def _about(item: Timing | Failure, several: bool) -> str:
    """Return what was timed; with several machines, also on which."""
    batch = "" if item.batch == 1 else f", batch {item.batch}"
    machine = f", machine {item.machine + 1}" if several else ""
    what = f"{item.model}/{item.recipe} {item.part}.{item.format} on {item.runtime}"
    return plain(f"{what}{batch}{machine}")


def _absent(summary: Summary) -> list[str]:
    if not summary.absent:
        return []
    lines = [f"- {plain(item.runtime)}: {plain(item.reason)}" for item in summary.absent]
    return ["## Missing runtimes", "\n".join(lines)]
