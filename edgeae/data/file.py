"""A dataset's file, whatever its kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.data.csv_file import read_csv
from edgeae.data.idx import is_idx, read_idx, read_idx_folder
from edgeae.data.npz import read_npy, read_npz
from edgeae.errors import BadInput, system_error

#: What may be read, for messages.
KINDS = "PATH.npz, .npy, .csv, .idx, NAME-idx3-ubyte[.gz] or a folder of MNIST's four IDX files"
_READERS: dict[str, Callable[[Path], dict[str, NDArray[Any]]]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".csv": read_csv,
}


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read and check the arrays of a file.

    Returns:
        `x_train` and `x_test` with `y_train` and `y_test` where there are labels; of a training
        file perhaps `x_train` alone; or `x`, and perhaps `y`: rows alone.

    Raises:
        BadInput: it is not to be read, or its content is not as it should be.
    """
    reader = _reader(path)
    try:
        if reader is None:
            path.stat()  # a missing file is the first thing to say
            raise BadInput(f"{path}: not a dataset; allowed are {KINDS}")
        return reader(path)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise system_error(error) from None


def is_known(path: Path) -> bool:
    """Tell whether it is a folder, or a file whose name says how to read it."""
    return _reader(path) is not None


def stem(path: Path) -> str:
    """Return the name of the dataset in a file."""
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
