"""Child process: reads the columns of a Parquet file, and writes them as plain arrays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from edgeae.data.columns import as_labels, pick, wrong_value
from edgeae.data.reading import Reading
from edgeae.errors import BadInput, naming
from edgeae.reading import files
from edgeae.reading.unpacking import Allowance
from edgeae.system import children

#: Rows that are unpacked together.
_BATCH = 65_536


def read(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write `x`, float64 (n, width), and `y`, if the reading has a label, as `job["table"]`.

    Args:
        job: `path`; `reading`, see `Reading.to_json`; and `table`, the `.npz` to write.

    Yields:
        `{columns}`, the names of the columns of `x`.

    Raises:
        BadInput: see `parquet_file.read_parquet`.
    """
    path, reading = Path(job["path"]), Reading.of(job["reading"])
    with files.open_regular(path) as stream:
        try:
            file = pq.ParquetFile(stream)
            names, arrays = _columns(path, file, reading)
        except BadInput:
            raise
        except Exception as error:  # pyarrow raises a dozen classes on files it cannot read
            reason = " ".join(str(error).split())[:200]
            raise BadInput(f"{path}: not a readable Parquet file ({reason})") from None
    with naming(job["table"]):
        np.savez(Path(job["table"]), **arrays)
    yield {"columns": names}


def _columns(path: Path, file: Any, reading: Reading) -> tuple[tuple[str, ...], dict[str, Any]]:
    schema = file.schema_arrow
    picked = pick(str(path), schema.names, reading)
    for name in picked.names:
        _check_numbers(f"{path}: column {name}", name, schema.field(name).type)
    allowance = Allowance(str(path))
    allowance.take(file.metadata.num_rows * len(picked.names) * 8, "the table")
    allowance.take(_largest_group(file.metadata), "a group of rows")
    label = None if picked.label is None else schema.names[picked.label]
    used = [*picked.names, *([] if label is None else [label])]
    pieces, texts = [np.empty((0, len(picked.names)))], list[str]()
    for batch in file.iter_batches(_BATCH, columns=used):
        before = sum(map(len, pieces))
        pieces.append(_values(path, batch, picked.names, before))
        if label is not None:
            texts += _texts(path, batch.column(label), before)
    arrays: dict[str, Any] = {"x": np.concatenate(pieces)}
    return picked.names, arrays | ({"y": as_labels(texts)} if texts else {})


def _largest_group(metadata: Any) -> int:
    """Return the largest unpacked size of a group of rows, in bytes, as the file states it."""
    groups = range(metadata.num_row_groups)
    return max((metadata.row_group(number).total_byte_size for number in groups), default=0)


def _check_numbers(place: str, name: str, kind: Any) -> None:
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    if not any(test(kind) for test in numbers):
        raise BadInput(
            f"{place}: holds {kind}; allowed are numbers; --drop {name} leaves the column out, "
            f"--label {name} keeps it for judging only"
        )


def _values(path: Path, batch: Any, names: tuple[str, ...], before: int) -> NDArray[np.float64]:
    """Return the columns of a batch as float64 (n, width); `before` rows came earlier."""
    columns = []
    for name in names:
        column = batch.column(name).cast(pa.float64(), safe=False)
        values = column.to_numpy(zero_copy_only=False)  # a null becomes NaN
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            place = f"{path}: row {before + int(bad[0]) + 1}, column {name}"
            raise wrong_value(place, str(column[int(bad[0])].as_py()))
        columns.append(values)
    return np.stack(columns, axis=1)


def _texts(path: Path, column: Any, before: int) -> list[str]:
    if column.null_count:
        place = before + column.is_null().to_pylist().index(True) + 1
        raise BadInput(f"{path}: row {place}: the label is missing")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return [str(item) for item in column.to_pylist()]


if __name__ == "__main__":
    children.serve(read)
