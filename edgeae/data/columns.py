"""The columns of a table: which of them a reading takes, and the labels that one of them holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.reading import Reading
from edgeae.errors import BadInput

#: Texts that stand for a missing value in tables that pandas, R and spreadsheets write.
_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
#: The most names of columns that an error lists.
_MOST_TOLD = 40


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    Attributes:
        arrays: `x_train` and `x_test`, optionally `y_train` and `y_test`; or only `x_train`,
            optionally `y_train`, of a training file; or rows `x`, optionally `y`.
        columns: names of the columns of the rows, from the first; empty if they have none, or if
            two have the same.
    """

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picked:
    """The columns of a table that a reading takes.

    Attributes:
        places: their numbers in the file, from 0, in the order of the model's rows.
        names: their names.
        label: number of the column with the labels, or None.
    """

    places: tuple[int, ...]
    names: tuple[str, ...]
    label: int | None


def pick(origin: str, names: Sequence[str], reading: Reading) -> Picked:
    """Return the columns that a reading takes.

    Args:
        origin: the file, for errors.
        names: the names of the file's columns, in order.
        reading: the reading.

    Raises:
        BadInput: a column is not there, or is there twice, or none is left.
    """
    wanted = None if reading.label_optional and reading.label not in names else reading.label
    for option, asked in (
        ("--columns", reading.columns),
        ("--drop", reading.drop),
        ("--label", () if wanted is None else (wanted,)),
    ):
        for name in asked:
            _check_there(origin, option, name, names)
    label = None if wanted is None else names.index(wanted)
    if reading.columns:
        return Picked(tuple(map(names.index, reading.columns)), reading.columns, label)
    left_out = (*reading.drop, reading.label)
    places = tuple(place for place, name in enumerate(names) if name not in left_out)
    if not places:
        raise BadInput(f"{origin}: {reading.named}: no column is left for the model")
    return Picked(places, tuple(names[place] for place in places), label)


def _check_there(origin: str, option: str, name: str, names: Sequence[str]) -> None:
    if names.count(name) == 1:
        return
    if name in names:
        raise BadInput(f"{origin}: {option} {name}: {names.count(name)} columns have this name")
    listing = ", ".join(names[:_MOST_TOLD])
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    raise BadInput(f"{origin}: {option} {name}: no such column; the file has {listing}{more}")


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names; none if two are the same, because a later file is read by its names."""
    return names if len({*names}) == len(names) else ()


def refuse_names(origin: str, reading: Reading) -> None:
    """Refuse a reading that names columns of a file whose columns have no names.

    Raises:
        BadInput: the reading names a column.
    """
    if reading.named:
        raise BadInput(
            f"{origin}: {reading.named}: its columns have no names; allowed are a CSV whose first "
            "line names the columns, and Parquet files"
        )


def is_missing(text: str) -> bool:
    """Return whether a cell's text stands for a missing value."""
    return text.strip().lower() in _MISSING


def wrong_value(place: str, text: str) -> BadInput:
    """Build the error for a cell of a named column that is no finite number.

    Args:
        place: file, line and column.
        text: the cell.
    """
    shown = repr(text if len(text) <= 40 else f"{text[:40]}…")
    if is_missing(text):
        return BadInput(f"{place}: a missing value, {shown}; fill it in, or leave the line out")
    name = place.rpartition("column ")[2]
    try:
        float(text)
    except ValueError:
        return BadInput(
            f"{place}: {shown} is not a number; --drop {name} leaves the column out, "
            f"--label {name} keeps it for judging only"
        )
    return BadInput(f"{place}: {shown}: allowed are finite numbers")


def as_labels(texts: Sequence[str]) -> NDArray[Any]:
    """Return labels (n,): int64 if all are whole numbers, else their texts, without outer blanks.

    `1`, `1.0` and `01` are the same label if all labels are whole numbers.
    """
    plain = [text.strip() for text in texts]
    try:
        numbers = np.array([float(text) for text in plain])
    except ValueError:
        return np.array(plain)
    whole = np.isfinite(numbers) & (numbers == np.round(numbers)) & (np.abs(numbers) < 2**53)
    return numbers.astype(np.int64) if whole.all() else np.array(plain)
