"""Parquet files: tables with named columns, read by pyarrow in a child process."""

import importlib.util
from pathlib import Path

import numpy as np

from edgeae.data.columns import Stored, distinct
from edgeae.data.reading import Reading
from edgeae.data.values import check_rows
from edgeae.errors import BadInput, RuntimeCrashed
from edgeae.reading import files
from edgeae.system import children
from edgeae.system.extras import lacking
from edgeae.system.scratch import scratch

#: Time limit of the child: a base, and a rate for slow disks.
_SECONDS, _BYTES_PER_SECOND = 60.0, 10_000_000


def read_parquet(path: Path, reading: Reading) -> Stored:
    """Read the rows as `x`, float64 (n, width), and the labels as `y` if the reading names them.

    Raises:
        BadInput: it is no Parquet file, a column that the reading names is missing, or a used
            column holds what is no finite number.
        OSError: the file cannot be read.
        RuntimeUnavailable: the package pyarrow is not installed.
    """
    with files.open_regular(path) as stream:
        size = stream.seek(0, 2)
    if importlib.util.find_spec("pyarrow") is None:
        raise lacking(f"{path}: reading a Parquet file takes the package pyarrow", "parquet")
    with scratch() as folder:
        table = folder / "table.npz"
        job = {"path": str(path), "reading": reading.to_json(), "table": str(table)}
        limit = _SECONDS + size / _BYTES_PER_SECOND
        try:
            # pyarrow is C++, which a damaged file can crash
            (report,) = children.run("edgeae.data.parquet_child", job, timeout_s=limit)
        except RuntimeCrashed as error:
            raise BadInput(f"{path}: damaged: reading it {error}") from None
        with np.load(table, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored}
    check_rows(str(path), arrays["x"])
    return Stored(arrays, distinct(tuple(report["columns"])))
