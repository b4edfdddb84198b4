"""Read a dataset's file of any supported format."""

from collections.abc import Callable
from pathlib import Path

from edgeae.data.columns import Stored
from edgeae.data.csv_file import read_csv
from edgeae.data.idx import is_idx, read_idx, read_idx_folder
from edgeae.data.npz import read_npy, read_npz
from edgeae.data.parquet_file import read_parquet
from edgeae.data.reading import AS_STORED, Reading
from edgeae.errors import BadInput, system_error

#: The supported formats, for messages.
KINDS = (
    "PATH.npz, .npy, .csv, .parquet, .idx, NAME-idx3-ubyte[.gz] or a folder of MNIST's four IDX "
    "files"
)
_READERS: dict[str, Callable[[Path, Reading], Stored]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def read(path: Path, reading: Reading = AS_STORED) -> Stored:
    """Read and check the arrays of a file: the columns that a reading takes, as they are stored.

    Raises:
        BadInput: the file cannot be read, its content is not valid, or it lacks a column of the
            reading.
    """
    reader = _reader(path)
    try:
        if reader is None:
            path.stat()  # if the file is missing, report that first
            raise BadInput(f"{path}: not a dataset; allowed are {KINDS}")
        return reader(path, reading)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise system_error(error) from None


def is_known(path: Path) -> bool:
    """Return whether the path is a folder, or has the name of a supported format."""
    return _reader(path) is not None


def stem(path: Path) -> str:
    """Return the dataset's name: the folder's name, or the file's name without suffixes."""
    if path.is_dir():
        return path.resolve().name
    return Path(path.name.removesuffix(".gz")).stem


def _reader(path: Path) -> Callable[[Path, Reading], Stored] | None:
    by_name = _READERS.get(path.suffix.lower())
    if by_name is not None:
        return by_name
    if is_idx(path):
        return read_idx
    return read_idx_folder if path.is_dir() else None
