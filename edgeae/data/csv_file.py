"""CSV files: one row per line, numbers separated by commas, with or without a header."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.values import check_rows
from edgeae.errors import BadInput
from edgeae.reading import files
from edgeae.reading.unpacking import Allowance

#: A row of a million values has about 8 MB; the list of a longer line could fill the memory.
_LONGEST_LINE = 1 << 23


def read_csv(path: Path) -> dict[str, NDArray[Any]]:
    """Read the rows as `x`, float64 (n, width).

    The first line is a header if none of its cells is a number. Empty lines are skipped.

    Raises:
        BadInput: a cell is no finite number, or a line has more or fewer cells than the others.
        OSError: the file cannot be read.
    """
    rows: list[NDArray[np.float64]] = []
    allowance = Allowance(str(path))
    first = 0
    for line, cells in _lines(path):
        if not first:
            first = line
            if not any(map(_is_number, cells)):
                continue
        row = _row(f"{path}: line {line}", cells)
        allowance.take(row.nbytes, f"the table up to line {line}")
        if rows and len(row) != len(rows[0]):
            raise BadInput(
                f"{path}: line {line} has {len(row)} values, the lines before have {len(rows[0])}"
            )
        rows.append(row)
    if not rows:
        raise BadInput(f"{path}: no line of numbers; allowed are numbers separated by commas")
    table = np.stack(rows)
    check_rows(str(path), table)
    return {"x": table}


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    # Excel starts its files with a byte order mark
    with files.open_regular(path) as opened:
        stream = io.TextIOWrapper(opened, encoding="utf-8-sig", newline="")
        reader = csv.reader(_bounded(path, stream), strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except UnicodeDecodeError:
            raise BadInput(f"{path}: not a text of numbers separated by commas") from None
        except csv.Error as error:
            raise BadInput(f"{path}: line {reader.line_num}: {error}") from None


def _bounded(path: Path, stream: IO[str]) -> Iterator[str]:
    """Yield lines; refuse a line so long that it could fill the memory."""
    number = 0
    while line := stream.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise BadInput(
                f"{path}: line {number} has more than {_LONGEST_LINE >> 20} million characters; "
                "store long rows in an .npy"
            )
        yield line


def _row(place: str, cells: list[str]) -> NDArray[np.float64]:
    try:
        row = np.array([float(cell) for cell in cells])
    except ValueError:
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise BadInput(
            f"{place}: {_short(wrong)} is not a number; allowed are numbers separated by commas"
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
