"""Read a dataset's file of any supported format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.data.csv_file import read_csv
from edgeae.data.idx import is_idx, read_idx, read_idx_folder
from edgeae.data.npz import read_npy, read_npz
from edgeae.errors import BadInput, system_error

#: The supported formats, for messages.
KINDS = "PATH.npz, .npy, .csv, .idx, NAME-idx3-ubyte[.gz] or a folder of MNIST's four IDX files"
_READERS: dict[str, Callable[[Path], dict[str, NDArray[Any]]]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".csv": read_csv,
}


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read and check the arrays of a file.

    Returns:
        `x_train` and `x_test`, optionally `y_train` and `y_test`; or only `x_train`, optionally
        `y_train`, of a training file; or rows `x`, optionally `y`.

    Raises:
        BadInput: the file cannot be read, or its content is not valid.
    """
    reader = _reader(path)
    try:
        if reader is None:
            path.stat()  # if the file is missing, report that first
            raise BadInput(f"{path}: not a dataset; allowed are {KINDS}")
        return reader(path)
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


def _reader(path: Path) -> Callable[[Path], dict[str, NDArray[Any]]] | None:
    by_name = _READERS.get(path.suffix.lower())
    if by_name is not None:
        return by_name
    if is_idx(path):
        return read_idx
    return read_idx_folder if path.is_dir() else None
