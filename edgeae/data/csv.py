"""Vectors as text: a row a line, numbers between commas, perhaps a header."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.values import check_rows
from edgeae.errors import BadInput

__all__ = ["read_csv"]


def read_csv(path: Path) -> dict[str, NDArray[Any]]:
    """Read the rows as `x`, float64 (n, width).

    The first line is a header if none of its cells is a number. Empty lines are skipped.

    Raises:
        BadInput: a line holds what is no finite number, or more or fewer than the others.
        OSError: it cannot be read.
    """
    rows: list[NDArray[np.float64]] = []
    first = 0
    for line, cells in _lines(path):
        if not first:
            first = line
            if not any(map(_is_number, cells)):
                continue
        row = _row(f"{path}: line {line}", cells)
        if rows and len(row) != len(rows[0]):
            raise BadInput(
                f"{path}: line {line} holds {len(row)} values, those before hold {len(rows[0])}"
            )
        rows.append(row)
    if not rows:
        raise BadInput(f"{path}: no line of numbers; allowed are numbers between commas")
    table = np.stack(rows)
    check_rows(str(path), table)
    return {"x": table}


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    # Excel starts its files with a byte order mark
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except UnicodeDecodeError:
            raise BadInput(f"{path}: not a text of numbers between commas") from None
        except csv.Error as error:
            raise BadInput(f"{path}: line {reader.line_num}: {error}") from None


def _row(place: str, cells: list[str]) -> NDArray[np.float64]:
    try:
        row = np.array([float(cell) for cell in cells])
    except ValueError:
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise BadInput(
            f"{place}: {_short(wrong)} is not a number; allowed are numbers between commas"
        ) from None
    if not np.isfinite(row).all():
        wrong = cells[int(np.flatnonzero(~np.isfinite(row))[0])]
        raise BadInput(f"{place}: {_short(wrong)}: allowed are finite numbers")
    return row


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else f"{cell[:40]}…")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
