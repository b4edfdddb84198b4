"""The errors of a table's columns, in their own units, of a model and of its exports."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeae.summary.exports import Export


@dataclass(frozen=True)
class ColumnRow:
    """The errors of one column.

    Attributes:
        column: the column's name.
        errors: root mean squared errors in its unit: of the column's mean, of the original, then of
            each export; None where an export lacks the column.
    """

    column: str
    errors: tuple[float | None, ...]


@dataclass(frozen=True)
class ByColumn:
    """The errors of one model's exports by column.

    Attributes:
        recipes: recipes of the exports that have such errors.
        rows: a row for each column, in alphabetical order.
    """

    recipes: tuple[str, ...]
    rows: tuple[ColumnRow, ...]


def by_column(exports: Sequence[Export]) -> ByColumn | None:
    """Gather the errors by column of a model's exports; None if no export has them."""
    told = [(item.recipe, item.loss.columns) for item in exports if item.loss and item.loss.columns]
    if not told:
        return None
    first = told[0][1]
    rows = [
        ColumnRow(
            column,
            (
                errors.get("mean"),
                errors.get("float32"),
                *(found.get(column, {}).get("exported") for _, found in told),
            ),
        )
        for column, errors in first.items()
    ]
    return ByColumn(tuple(recipe for recipe, _ in told), tuple(rows))
