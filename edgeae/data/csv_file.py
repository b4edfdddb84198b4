"""CSV files: one row per line, numbers separated by commas, with or without a header."""

import csv
import io
import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from edgeae.data.columns import (
    Picked,
    Stored,
    as_labels,
    distinct,
    is_missing,
    pick,
    refuse_names,
    wrong_value,
)
from edgeae.data.reading import Reading
from edgeae.data.values import LEAST_ROWS, check_rows
from edgeae.errors import BadInput
from edgeae.reading import files
from edgeae.reading.unpacking import Allowance

#: A row of a million values has about 8 MB; the list of a longer line could fill the memory.
_LONGEST_LINE = 1 << 23
#: Bytes of a number in the table.
_NUMBER = 8
#: What separates the values of files that are called CSV, besides the comma.
_SEPARATORS = {";", "\t", "|"}


def read_csv(path: Path, reading: Reading, least: int = LEAST_ROWS) -> Stored:
    """Read the rows as `x`, float64 (n, width), and the labels as `y` if the reading names them.

    The first line is a header if none of its cells is a number, or if the reading names a column.
    Empty lines are skipped.

    Args:
        path: the file.
        reading: which columns are taken.
        least: least number of rows.

    Raises:
        BadInput: a column that the reading names is missing, a cell of a used column is no finite
            number, or a line has more or fewer cells than the others.
        OSError: the file cannot be read.
    """
    lines = _lines(path)
    head = next(lines, None)
    if head is None:
        raise _empty(path)
    cells = head[1]
    names = [cell.strip() for cell in cells]
    if not _is_header(cells, names, reading):
        refuse_names(str(path), reading)
        return _table(path, itertools.chain([head], lines), None, least)
    start = next(lines, None)
    if start is None:
        raise _empty(path)
    if len(start[1]) != len(names) and not reading.named:
        return _table(path, itertools.chain([start], lines), None, least)  # a title, and no names
    picked = pick(str(path), names, reading)
    return _table(path, itertools.chain([start], lines), picked, least, len(names))


def _is_header(cells: Sequence[str], names: Sequence[str], reading: Reading) -> bool:
    """Return whether a file's first line names the columns; a name may be a number if it is used.

    If the reading names columns and no cell is a number, the line is a header that lacks them.
    """
    asked = {*reading.columns, *reading.drop, reading.label}
    return not any(map(_is_number, cells)) or not asked.isdisjoint(names)


def _table(
    path: Path,
    lines: Iterator[tuple[int, list[str]]],
    picked: Picked | None,
    least: int,
    width: int = 0,
) -> Stored:
    """Read the lines after a header of `width` names; without one, `picked` is None."""
    values, labels = array("d"), list[str]()
    allowance = Allowance(str(path))
    for line, cells in lines:
        width, chosen = width or len(cells), cells
        if picked is not None:
            before = "the lines before have" if values else "the header has"
            _check_width(path, line, cells, width, before)
            chosen = [cells[place] for place in picked.places]
        allowance.take(len(chosen) * _NUMBER, f"the table up to line {line}")
        row = _row(chosen)
        if row is None:
            raise _wrong(path, line, chosen, picked)
        _check_width(path, line, cells, width, "the lines before have")
        values.extend(row)
        if picked is not None and picked.label is not None:
            labels.append(_label(path, line, cells[picked.label]))
    columns = width if picked is None else len(picked.places)
    table: NDArray[np.float64] = np.frombuffer(values).reshape(-1, columns)
    check_rows(str(path), table, least=least)
    arrays = {"x": table} | ({"y": as_labels(labels)} if labels else {})
    return Stored(arrays, () if picked is None else distinct(picked.names))


def _check_width(path: Path, line: int, cells: Sequence[str], width: int, before: str) -> None:
    if len(cells) != width:
        raise BadInput(f"{path}: line {line} has {len(cells)} values, {before} {width}")


def _row(cells: Sequence[str]) -> list[float] | None:
    """Return the numbers of a line; None if one is no finite number."""
    try:
        row = [float(cell) for cell in cells]
    except ValueError:
        return None
    return row if all(map(math.isfinite, row)) else None


def _wrong(path: Path, line: int, cells: Sequence[str], picked: Picked | None) -> BadInput:
    """Build the error for the first cell of a line that is no finite number."""
    place = next(number for number, cell in enumerate(cells) if _row([cell]) is None)
    cell, where = cells[place], f"{path}: line {line}"
    if picked is not None and not (len(picked.names) == 1 and _SEPARATORS & {*cell}):
        return wrong_value(f"{where}, column {picked.names[place]}", cell)
    shown = repr(cell if len(cell) <= 40 else f"{cell[:40]}…")
    if _is_number(cell):
        return BadInput(f"{where}: {shown}: allowed are finite numbers")
    return BadInput(f"{where}: {shown} is not a number; allowed are numbers separated by commas")


def _label(path: Path, line: int, cell: str) -> str:
    if is_missing(cell):
        raise BadInput(f"{path}: line {line}: the label is missing, {cell!r}")
    return cell


def _empty(path: Path) -> BadInput:
    return BadInput(f"{path}: no line of numbers; allowed are numbers separated by commas")


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


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
