"""The summary as Markdown: fits a CI job's summary or a pull request's comment."""

from collections.abc import Iterable, Sequence

from edgeae.report import figures
from edgeae.report.exports import Export
from edgeae.report.gather import Model, Summary
from edgeae.report.latency import Failure, Timing
from edgeae.timing.table import duration, machine_line

__all__ = ["markdown"]

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#&~$"})


def markdown(summary: Summary) -> str:
    """Return the text of `summary.md`."""
    verdict = summary.verdict
    blocks = [
        "# edgeae report",
        f"{figures.MARKS[verdict.verdict]} **{_plain(verdict.sentence)}**",
        "\n".join(_origin(model) for model in summary.models),
        "## Loss and size",
        _table(_LOSS, 2, map(_loss_row, summary.exports)),
        "## Latency",
        *_latency(summary),
        *_absent(summary),
    ]
    return "\n\n".join(blocks) + "\n"


_LOSS = (
    *("model", "recipe", "test MSE", "added", "ratio", "ratio to equal-budget control"),
    *("autoencoder", "smaller", "encoder", "decoder", "verify: worst"),
)
_LATENCY = ("model", "recipe", "part", "runtime", "threads", "p50", "p90", "p99", "±95 %")


def _origin(model: Model) -> str:
    dataset = model.dataset
    note = f" ({model.dataset_note})" if model.dataset_note else ""
    weights = ", ".join(f"`{item[:12]}`" for item in model.weights_sha256)
    return (
        f"- **{_plain(model.name)}**: dataset {_plain(dataset['name'])}{note}, "
        f"{figures.count(dataset['n'])} test images; float32 MSE "
        f"{figures.loss(model.float32_loss)}; weights {weights}"
    )


def _loss_row(export: Export) -> list[str]:
    parts = [export.file(part) for part in ("autoencoder", "encoder", "decoder")]
    whole, *halves = [figures.count(file.bytes) if file else "" for file in parts]
    loss = export.loss
    return [
        export.model,
        export.recipe,
        figures.loss(loss.exported),
        figures.added(loss.added),
        figures.ratio(loss.ratio),
        figures.ratio(loss.control_ratio),
        whole,
        figures.times(export.smaller),
        *halves,
        f"{figures.MARKS[export.verdict]} {figures.outcome(export)}",
    ]


def _latency(summary: Summary) -> list[str]:
    found = summary.latency
    if not (found.timings or found.failures):
        told = ["Not measured: run `edgeae bench`."]
    else:
        rows = [_timing_row(item) for item in found.timings]
        told = [
            "\n".join(f"- {_plain(machine_line(facts))}" for facts in found.machines),
            _table(_LATENCY, 4, rows) if rows else "",
            figures.METHOD,
            "\n".join(_failure(item) for item in found.failures),
        ]
    if found.stale:
        told.append(figures.stale(found.stale))
    return [block for block in told if block]


def _timing_row(item: Timing) -> list[str]:
    return [
        item.model,
        item.recipe,
        f"{item.part}.{item.format}",
        item.runtime,
        str(item.threads),
        *(duration(value) for value in (item.p50_ns, item.p90_ns, item.p99_ns)),
        f"{item.interval:.1%}" + ("" if item.settled else " unsettled"),
    ]


def _failure(item: Failure) -> str:
    what = f"{item.model}/{item.recipe} {item.part}.{item.format} on {item.runtime}"
    return f"- ✗ {_plain(f'{what}: {item.error}')}"


def _absent(summary: Summary) -> list[str]:
    if not summary.absent:
        return []
    lines = [f"- {_plain(item.runtime)}: {_plain(item.reason)}" for item in summary.absent]
    return ["## Runtimes that are not here", "\n".join(lines)]


def _table(header: Sequence[str], left: int, rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first `left` columns, and whose last where it is words, go left."""
    rule = [
        ":--" if place < left or name.startswith("verify") else "--:"
        for place, name in enumerate(header)
    ]
    lines = [_row(header), _row(rule), *(_row([_plain(cell) for cell in row]) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(text: str) -> str:
    """Text that Markdown takes literally, but for the one command that verdicts name."""
    escaped = " ".join(text.split()).translate(_SPECIAL)
    return escaped.replace("\\`edgeae verify\\`", "`edgeae verify`")
