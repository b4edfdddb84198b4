"""Find a dataset by name or path.

`mnist`   the real one: `EDGEAE_MNIST` (an `.npz` in the keras layout or a folder with the four IDX
          files, plain or .gz), then the keras cache, then a download through keras.
`digits`  the 1,797 handwritten digits that scikit-learn carries, laid out as MNIST is.
`auto`    `mnist` where it can be had, `digits` otherwise.
PATH.npz  `x_train` and `x_test`, and labels `y_train`, `y_test` if there are any; or rows alone:
          `x`, `x_test`, or one array without a name.
PATH.npy, PATH.csv, an IDX file
          rows alone: they calibrate and judge; to train on, they need a training file beside them.
a folder  with MNIST's four IDX files.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.data.dataset import Dataset, split
from edgeae.data.digits import load_digits
from edgeae.data.file import KINDS, is_known, read, stem
from edgeae.data.mnist import load_mnist
from edgeae.data.normalization import Normalization
from edgeae.errors import BadInput, EdgeaeError, unknown

#: Datasets that a name is enough for.
BUILT_IN = ("digits", "mnist")
_NAMES = ("auto", *BUILT_IN)


def load(
    name: str,
    *,
    download: bool = True,
    say: Callable[[str], None] = lambda line: None,
    normalization: Normalization | None = None,
    train: str | None = None,
) -> Dataset:
    """Load a dataset by name or path.

    Args:
        name: `mnist`, `digits`, `auto` or a path; see the top of this file.
        download: whether MNIST may come from the network.
        say: told in one line which dataset it became, and why.
        normalization: from stored to real values; unless given, uint8 becomes 0…1 and all else
            stays what it is.
        train: path of a file with training rows; `name` is then a path of rows alone, which all
            become the test.

    Raises:
        BadInput: it is not to be had, or its content is not as it should be.
    """
    if is_path(name):
        dataset = _from_file(Path(name), None if train is None else Path(train))
    elif train is not None:
        raise BadInput(f"dataset {name}: takes no training file, such as {train}")
    else:
        dataset = _named(name, download, say)
    if normalization is not None:
        dataset = dataset.normalized(normalization)
    say(f"dataset: {dataset.name} ({dataset.origin})")
    return dataset


def is_path(name: str) -> bool:
    """Tell whether `load` takes `name` for a file or folder rather than for a dataset's name."""
    if not name or name in _NAMES:
        return False
    return os.sep in name or is_known(Path(name)) or Path(name).exists()


def absolute(name: str) -> str:
    """Return what `load` takes for the same dataset in whatever folder it is asked."""
    return str(Path(name).absolute()) if is_path(name) else name


def _named(name: str, download: bool, say: Callable[[str], None]) -> Dataset:
    if name == "digits":
        return load_digits()
    if name == "mnist":
        return load_mnist(download)
    if name == "auto":
        return _auto(download, say)
    raise unknown("dataset", name, [*_NAMES, KINDS])


def _auto(download: bool, say: Callable[[str], None]) -> Dataset:
    # A file that the user named must be right; only MNIST's absence leads to the digits.
    if os.environ.get("EDGEAE_MNIST"):
        return load_mnist(download)
    try:
        return load_mnist(download)
    except EdgeaeError as error:
        say(f"MNIST is not to be had ({error}); using scikit-learn's digits instead")
        return load_digits()


def _from_file(path: Path, training: Path | None) -> Dataset:
    arrays = read(path)
    if training is not None:
        if "x" not in arrays:
            raise BadInput(f"{path}: has x_train itself; a training file goes with rows alone")
        return split(stem(path), f"{path}, training {training}", _joined(arrays, read(training)))
    if "x_train" in arrays and "x_test" not in arrays:
        raise BadInput(
            f"{path}: no array 'x_test'; an .npz needs x_train and x_test, or rows alone as x"
        )
    return split(stem(path), str(path), arrays)


def _joined(
    rows: dict[str, NDArray[Any]], training: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    suffix = "_train" if "x_train" in training else ""
    found = {
        "x_train": training[f"x{suffix}"],
        "y_train": training.get(f"y{suffix}"),
        "x_test": rows["x"],
        "y_test": rows.get("y"),
    }
    return {key: array for key, array in found.items() if array is not None}
