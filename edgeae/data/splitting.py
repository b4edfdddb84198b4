"""Splits the arrays of a file into training, validation and test rows, and cuts windows.

Rows are split in an order drawn by the reading's seed. A recording is split first, into contiguous
parts in the order of time: training, validation, test. Then windows are cut out of each part, so
that no window of one part has a sample of another, however much windows overlap.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.columns import Stored
from edgeae.data.dataset import Dataset
from edgeae.data.normalization import Normalization
from edgeae.data.reading import AS_STORED, Reading
from edgeae.data.rows import Rows
from edgeae.errors import BadInput

#: The largest number of training rows that become validation rows.
_VALIDATION = 5000
_PARTS = ("training", "validation", "test")


def split(
    name: str,
    origin: str,
    stored: Stored,
    reading: Reading = AS_STORED,
) -> Dataset:
    """Build a dataset from checked arrays.

    Args:
        name: the dataset's name.
        origin: source of the arrays, for errors.
        stored: `x_train` and `x_test`, or representative rows `x`, with labels if there are any.
        reading: how the rows are split and cut.

    Raises:
        BadInput: the training rows and the test rows differ in shape or kind, a part would be
            empty, or a window is longer than a part.
    """
    arrays = stored.arrays
    if "x" in arrays:
        train, validation, test = _of_rows(origin, Rows.of(arrays, ""), reading)
    else:
        if reading.split is not None:
            raise BadInput(
                f"{origin}: {reading.first}: has test rows of its own; allowed with --split is a "
                "file of rows only"
            )
        _check_alike(origin, arrays["x_train"], arrays["x_test"])
        test = Rows.of(arrays, "_test").windows(origin, "test rows", reading)
        train, validation = _held_out(origin, Rows.of(arrays, "_train"), reading)
    return _dataset(name, origin, stored, reading, train, validation, test)


def only_test(name: str, origin: str, stored: Stored, reading: Reading) -> Dataset:
    """Build a dataset whose rows are all test rows; see `split` for the arguments and errors."""
    suffix = "" if "x" in stored.arrays else "_test"
    if f"x{suffix}" not in stored.arrays:
        raise BadInput(f"{origin}: only training rows, x_train; allowed are rows as x or x_test")
    rows = Rows.of(stored.arrays, suffix).windows(origin, "whole", reading)
    none = rows.last(0)
    return _dataset(name, origin, stored, reading, none, none, rows)


def _dataset(
    name: str,
    origin: str,
    stored: Stored,
    reading: Reading,
    train: Rows,
    validation: Rows,
    test: Rows,
) -> Dataset:
    return Dataset(
        name=name,
        origin=origin,
        train=train.x,
        validation=validation.x,
        test=test.x,
        train_labels=train.y,
        test_labels=test.y,
        normalization=Normalization.usual(test.x.dtype),
        trainable=len(train.x) > 0 and ("x" not in stored.arrays or reading.split is not None),
        sha256=_sha256(stored.arrays, reading),
        columns=stored.columns,
        reading=reading,
        validation_labels=validation.y,
    )


def _of_rows(origin: str, rows: Rows, reading: Reading) -> tuple[Rows, Rows, Rows]:
    """Return training, validation and test rows of a file of rows only."""
    n = len(rows.x)
    # files are often ordered; a recording must keep its order
    order = np.arange(n) if reading.window else np.random.default_rng(reading.seed).permutation(n)
    if reading.split is None:
        middle = (n + 1) // 2
        train = rows.take(order[:middle]).windows(origin, "first half", reading)
        test = rows.take(order[middle:]).windows(origin, "second half", reading)
        return train, train.last(_held_out_n(len(train.x))), test
    ends = [round(n * sum(reading.split[:count]) / 100) for count in range(4)]
    found = []
    for number, part in enumerate(_PARTS):
        chosen = order[ends[number] : ends[number + 1]]
        if not len(chosen):
            shares = ":".join(map(str, reading.split))
            raise BadInput(f"{origin}: --split {shares}: leaves no {part} rows of {n}")
        found.append(rows.take(chosen).windows(origin, f"{part} part", reading))
    train, validation, test = found
    return train, validation, test


def _held_out(origin: str, rows: Rows, reading: Reading) -> tuple[Rows, Rows]:
    """Return training rows without the last ones, and these, which become validation rows."""
    n = len(rows.x)
    held_out = max(1, n // 10) if reading.window else _held_out_n(n)
    places = np.arange(n)
    train, validation = rows.take(places[: n - held_out]), rows.take(places[n - held_out :])
    return (
        train.windows(origin, "training rows", reading),
        validation.windows(origin, "validation rows, the last tenth of the training rows", reading),
    )


def _held_out_n(n: int) -> int:
    return min(_VALIDATION, max(1, n // 10))


def _check_alike(origin: str, train: NDArray[Any], test: NDArray[Any]) -> None:
    if train.shape[1:] != test.shape[1:]:
        raise BadInput(
            f"{origin}: x_train has rows of shape {train.shape[1:]}, x_test of {test.shape[1:]}"
        )
    # different kinds can have different scales: white may be 255 or 1.0
    if _kind(train) != _kind(test):
        raise BadInput(f"{origin}: x_train is {train.dtype}, x_test {test.dtype}")


def _kind(array: NDArray[Any]) -> str:
    if array.dtype == np.uint8:
        return "pixels"
    return "floats" if array.dtype.kind == "f" else "integers"


def _sha256(arrays: dict[str, NDArray[Any]], reading: Reading) -> str:
    """Return the hash of the stored arrays, and of what the reading makes of them."""
    digest = hashlib.sha256()
    for key in ("x", "x_train", "x_test"):
        if key not in arrays:
            continue
        array = np.ascontiguousarray(arrays[key])
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    if reading.split is not None:
        digest.update(f"split {reading.split} {reading.seed}\n".encode())
    if reading.window:
        digest.update(f"window {reading.window} {reading.stride}\n".encode())
    return digest.hexdigest()
