"""Find a dataset by name or path.

`mnist`   MNIST: `EDGEAE_MNIST` (an `.npz` in keras's layout, or a folder with the four IDX files,
          plain or .gz), else the keras cache, else a download through keras.
`digits`  the 1,797 handwritten digits of scikit-learn, in MNIST's layout.
`auto`    `mnist` if it is available, else `digits`.
PATH.npz  `x_train` and `x_test`, optionally labels `y_train` and `y_test`; or only rows: `x`,
          `x_test`, or one array without a name.
PATH.npy, PATH.csv, PATH.parquet, an IDX file
          only rows, which calibrate and test; fine-tuning needs a separate training file, or a
          reading that splits the rows.
a folder  MNIST's four IDX files.

A `Reading` says which columns of a table are used, how the rows are split, and whether windows are
cut out of a recording.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edgeae.data.columns import Stored
from edgeae.data.dataset import Dataset
from edgeae.data.digits import load_digits
from edgeae.data.file import KINDS, is_known, read, stem
from edgeae.data.mnist import load_mnist
from edgeae.data.normalization import Normalization
from edgeae.data.reading import AS_STORED, Reading
from edgeae.data.scales import standardized
from edgeae.data.splitting import only_test, split
from edgeae.errors import BadInput, EdgeaeError, unknown

#: Datasets that are loaded by name.
BUILT_IN = ("digits", "mnist")
_NAMES = ("auto", *BUILT_IN)


def load(
    name: str,
    *,
    download: bool = True,
    say: Callable[[str], None] = lambda line: None,
    normalization: Normalization | None = None,
    train: str | None = None,
    reading: Reading = AS_STORED,
) -> Dataset:
    """Load a dataset by name or path.

    Args:
        name: `mnist`, `digits`, `auto` or a path; see the module's docstring.
        download: whether MNIST may be downloaded.
        say: receives a message that names the dataset, and one if `auto` falls back to digits.
        normalization: maps stored values to real values; by default uint8 is scaled to 0…1, and
            other types are not changed, unless the reading standardises them by the statistics
            of these training rows.
        train: path of a file with training rows; `name` is then the path of a file with only
            rows, all of which become test rows.
        reading: how the rows of a path become a model's rows.

    Raises:
        BadInput: the dataset is not available, its content is not valid, or the reading does not
            apply to it.
    """
    if is_path(name):
        dataset = _from_file(Path(name), None if train is None else Path(train), reading)
    elif train is not None:
        raise BadInput(f"dataset {name}: takes no training file, such as {train}")
    elif reading.first:
        raise BadInput(f"dataset {name}: {reading.first}: allowed with files of rows only")
    else:
        dataset = _named(name, download, say)
    if normalization is not None:
        dataset = dataset.normalized(normalization)
    if reading.standardize and dataset.normalization.standardization is None:
        dataset = standardized(dataset)
    say(f"dataset: {dataset.name} ({dataset.origin})")
    return dataset


def load_all(
    path: str, *, reading: Reading = AS_STORED, normalization: Normalization | None = None
) -> Dataset:
    """Load all rows of a file as test rows, with their labels, to judge a model on them.

    Windows are cut from the whole recording. Of a file with training and test rows, only the test
    rows are taken.

    Args:
        path: the file.
        reading: the reading of the model; its split and its seed are not used.
        normalization: that of the model, with the statistics of its training rows; None for the
            default of the data.

    Returns:
        a dataset without training rows (`train` and `validation` are empty), whose `test` holds all
        rows in the order of the file, and `test_labels` their labels or None.

    Raises:
        BadInput: the file cannot be read, its content is not valid, or it lacks a column.
    """
    if not is_path(path):
        raise BadInput(f"dataset {path}: allowed is the path of a file of rows")
    asked = replace(reading, split=None, seed=0)
    dataset = only_test(stem(Path(path)), path, read(Path(path), asked), asked)
    return dataset if normalization is None else dataset.normalized(normalization)


def is_path(name: str) -> bool:
    """Return whether `load` takes `name` as a path instead of a dataset's name."""
    if not name or name in _NAMES:
        return False
    return os.sep in name or is_known(Path(name)) or Path(name).exists()


def absolute(name: str) -> str:
    """Return `name` with a path made absolute, so that it does not depend on the current folder."""
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
    # an invalid file in EDGEAE_MNIST is an error; only a missing MNIST falls back to the digits
    if os.environ.get("EDGEAE_MNIST"):
        return load_mnist(download)
    try:
        return load_mnist(download)
    except EdgeaeError as error:
        say(f"MNIST is not available ({error}); using scikit-learn's digits instead")
        return load_digits()


def _from_file(path: Path, training: Path | None, reading: Reading) -> Dataset:
    stored = read(path, reading)
    if training is not None:
        if "x" not in stored.arrays:
            raise BadInput(
                f"{path}: has x_train already; a training file is allowed only with a file of rows"
            )
        trained = read(training, reading)
        if trained.columns and stored.columns and trained.columns != stored.columns:
            trained = read(training, reading.having(stored.columns))  # in the same order
        joined = _joined(stored, trained)
        return split(stem(path), f"{path}, training {training}", joined, reading)
    if "x_train" in stored.arrays and "x_test" not in stored.arrays:
        raise BadInput(
            f"{path}: no array 'x_test'; an .npz needs x_train and x_test, or only rows as x"
        )
    return split(stem(path), str(path), stored, reading)


def _joined(rows: Stored, training: Stored) -> Stored:
    suffix = "_train" if "x_train" in training.arrays else ""
    joined = {
        "x_train": training.arrays[f"x{suffix}"],
        "y_train": training.arrays.get(f"y{suffix}"),
        "x_test": rows.arrays["x"],
        "y_test": rows.arrays.get("y"),
    }
    arrays = {key: array for key, array in joined.items() if array is not None}
    return Stored(arrays, rows.columns)
