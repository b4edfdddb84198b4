"""The comparison as a table: text, and a page in Markdown."""

from collections.abc import Sequence
from statistics import mean, stdev

from edgeae.comparison.compare import Comparison, Measured
from edgeae.comparison.pairs import ENGINES, PAIRS
from edgeae.text import markdown
from edgeae.text.columns import align

#: In what an engine can be better → figure, and how it is written.
_BETTER = (
    ("loses less", "ratio", "{:.4f}"),
    ("is smaller when packed", "packed", "{:,.0f} B"),
)
_HEADER = ("", "engine", "loss ÷ control", "raw", "gzip", "packed", "seconds")


def render(comparison: Comparison) -> str:
    """Return the table as text, a line for each engine and recipe."""
    return align([_HEADER, *_rows(comparison)], left=2)


def page(comparison: Comparison, command: str) -> str:
    """Return the table as Markdown, with what each column is.

    Args:
        comparison: what was measured.
        command: the command that made it.
    """
    models = list(dict.fromkeys(item.model for item in comparison.measured))
    return "\n".join(
        [
            f"`{command}`: {', '.join(models)}.",
            "",
            markdown.table(_HEADER, {"", "engine"}, _rows(comparison)),
            "",
            *(f"* {line}" for line in verdicts(comparison)),
            "",
        ]
    )


def verdicts(comparison: Comparison) -> list[str]:
    """Return a line for each recipe that says which engine loses less, or packs smaller."""
    lines = []
    for pair in PAIRS:
        ours, theirs = (comparison.of(pair, engine) for engine in ENGINES)
        for what, key, form in _BETTER:
            first, second = _mean(ours, key), _mean(theirs, key)
            if first is not None and second is not None and second < first:
                told = f"{form.format(second)} against {form.format(first)}"
                lines.append(f"{pair.about}: tfmot {what}, {told}.")
    return lines or ["In no row does tfmot lose less, or is smaller when packed."]


def _rows(comparison: Comparison) -> list[list[str]]:
    return [
        [pair.about, engine, *_cells(comparison.of(pair, engine))]
        for pair in PAIRS
        for engine in ENGINES
        if comparison.of(pair, engine)
    ]


def _cells(items: Sequence[Measured]) -> list[str]:
    there = [item for item in items if not item.refused]
    if not there:
        return ["refused", "", "", "", ""]
    ratios = [item.ratio for item in there if item.ratio is not None]
    spread = f" ± {stdev(ratios):.4f}" if len(ratios) > 1 else ""
    sizes = [_mean(there, key) for key in ("raw", "gzip", "packed")]
    seconds = _mean(there, "seconds")
    return [
        f"{mean(ratios):.4f}{spread}" if ratios else "",
        *("" if size is None else f"{size:,.0f} B" for size in sizes),
        "" if seconds is None else f"{seconds:.0f} s",
    ]


def _mean(items: Sequence[Measured], key: str) -> float | None:
    values = [getattr(item, key) for item in items if getattr(item, key) is not None]
    return mean(values) if values else None
