"""The loss of each label's images, of every export beside its yardstick."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.summary.exports import Export

#: Ratios that differ by no more tell no label from another.
_ALIKE = 1e-4


@dataclass(frozen=True)
class LabelRow:
    """An export.

    Attributes:
        recipe: its name.
        ratios: label → its images' MSE ÷ the yardstick's; None where that is 0.
        worst: the label that lost most, by ratio; empty where all are alike to 1e-4.
    """

    recipe: str
    ratios: dict[str, float | None]
    worst: str


@dataclass(frozen=True)
class ByLabel:
    """The exports of one model.

    Attributes:
        labels: in the order of their numbers.
        float32: label → MSE of the original.
        worst: the label that the original reconstructs worst.
        rows: those exports that tell of labels.
    """

    labels: tuple[str, ...]
    float32: dict[str, float | None]
    worst: str
    rows: tuple[LabelRow, ...]


def by_label(exports: Sequence[Export]) -> ByLabel | None:
    """Gather what a model's exports tell of labels; None where none does."""
    told = [item for item in exports if item.loss and item.loss.labels]
    if not told:
        return None
    first = told[0].loss.labels if told[0].loss else None
    float32: dict[str, float | None] = {label: losses[0] for label, losses in (first or {}).items()}
    labels = {label for item in told for label in (item.loss.labels or {} if item.loss else {})}
    rows = tuple(_row(item) for item in told)
    return ByLabel(tuple(sorted(labels, key=_order)), float32, _highest(float32), rows)


def worst_label(export: Export) -> tuple[str, float] | None:
    """Return the label that lost most and its ratio; None where that is not known."""
    row = _row(export)
    ratio = row.ratios.get(row.worst)
    return None if ratio is None else (row.worst, ratio)


def _row(export: Export) -> LabelRow:
    labels = (export.loss.labels if export.loss else None) or {}
    ratios = {label: _ratio(losses) for label, losses in labels.items()}
    return LabelRow(export.recipe, ratios, _highest(ratios, _ALIKE))


def _ratio(losses: tuple[float | None, ...]) -> float | None:
    """Exported ÷ control, or ÷ float32 where there is no control."""
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
