"""The loss of each label's images, relative to the export's reference."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.summary.exports import Export

#: If all ratios are within this range, no label is reported as the worst.
_ALIKE = 1e-4


@dataclass(frozen=True)
class LabelRow:
    """The losses of an export by label.

    Attributes:
        recipe: the recipe's name.
        ratios: label → MSE of its images ÷ the reference's MSE; None if the reference's is 0.
        worst: the label with the largest ratio; empty if all ratios are within 1e-4.
    """

    recipe: str
    ratios: dict[str, float | None]
    worst: str


@dataclass(frozen=True)
class ByLabel:
    """The losses of one model's exports by label.

    Attributes:
        labels: in numerical order.
        float32: label → MSE of the original.
        worst: the label that the original reconstructs worst.
        rows: a row for each export with losses by label.
    """

    labels: tuple[str, ...]
    float32: dict[str, float | None]
    worst: str
    rows: tuple[LabelRow, ...]


def by_label(exports: Sequence[Export]) -> ByLabel | None:
    """Gather the losses by label of a model's exports; None if no export has them."""
    told = [item for item in exports if item.loss and item.loss.labels]
    if not told:
        return None
    first = told[0].loss.labels if told[0].loss else None
    float32: dict[str, float | None] = {label: losses[0] for label, losses in (first or {}).items()}
    labels = {label for item in told for label in (item.loss.labels or {} if item.loss else {})}
    rows = tuple(_row(item) for item in told)
    return ByLabel(tuple(sorted(labels, key=_order)), float32, _highest(float32), rows)


def worst_label(export: Export) -> tuple[str, float] | None:
    """Return the label with the largest ratio, and the ratio; None if they are not known."""
    row = _row(export)
    ratio = row.ratios.get(row.worst)
    return None if ratio is None else (row.worst, ratio)


def _row(export: Export) -> LabelRow:
    labels = (export.loss.labels if export.loss else None) or {}
    ratios = {label: _ratio(losses) for label, losses in labels.items()}
    return LabelRow(export.recipe, ratios, _highest(ratios, _ALIKE))


def _ratio(losses: tuple[float | None, ...]) -> float | None:
    """Return exported ÷ control, or exported ÷ float32 if there is no control."""
    float32, control, exported = losses
    yardstick = float32 if control is None else control
    return exported / yardstick if yardstick and exported is not None else None


def _highest(values: dict[str, float | None], alike: float = 0.0) -> str:
    held = {label: value for label, value in values.items() if value is not None}
    if not held or max(held.values()) - min(held.values()) <= alike:
        return ""
    return max(held, key=held.__getitem__)


def _order(label: str) -> tuple[int, str]:
    number = label.lstrip("-").isdecimal()
    return (int(label), "") if number else (10**9, label)
