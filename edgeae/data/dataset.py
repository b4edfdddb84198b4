"""A dataset: rows that train, calibrate and judge a model."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.normalization import Normalization
from edgeae.data.reading import AS_STORED, Reading
from edgeae.errors import BadInput, about
from edgeae.metrics.loss import mean_loss


@dataclass(frozen=True)
class Dataset:
    """Rows of any rank, as they were stored, and their split.

    A dataset of only *representative rows* (not `trainable`) is halved: `train`, the first half,
    calibrates, `validation` is a slice of it, and `test` is the second half. See `splitting`.

    Attributes:
        name: `mnist`, `digits`, or the stem of the file.
        origin: source of the rows, for messages; never part of a manifest.
        train: uint8 or float32 (n, …), without the validation rows.
        validation: the last rows for training: 5,000 of MNIST's 60,000; dtype as `train`.
        test: rows that are used only for the reported figures; dtype as `train`.
        train_labels, test_labels: integers or texts (n,), or None.
        normalization: maps stored values to real values.
        trainable: whether there are rows for training.
        sha256: hash of the arrays, and of how they were split and cut into windows; it does not
            depend on the file's format.
        columns: names of the columns of a row, or of the channels of a window; empty if unnamed.
        reading: how the rows were read.
        validation_labels: as `train_labels`.
    """

    name: str
    origin: str
    train: NDArray[Any]
    validation: NDArray[Any]
    test: NDArray[Any]
    train_labels: NDArray[Any] | None
    test_labels: NDArray[Any] | None
    normalization: Normalization
    trainable: bool
    sha256: str
    columns: tuple[str, ...] = ()
    reading: Reading = AS_STORED
    validation_labels: NDArray[Any] | None = None

    @property
    def width(self) -> int:
        """The number of values of one row."""
        return int(np.prod(self.test.shape[1:]))

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The least and largest real value that a row can have; None except for 8-bit pixels."""
        if self.test.dtype != np.uint8 or self.normalization.standardization is not None:
            return None
        ends = self.normalization.real(np.array([0, 255], np.uint8))
        return float(ends.min()), float(ends.max())

    @property
    def mean_loss(self) -> float:
        """MSE, in real units, of answering every test row with their mean; see `mean_loss`."""
        return mean_loss(self.normalization.real(self.test))

    @property
    def labels_sha256(self) -> str:
        """Hash of the labels; `sha256` does not contain them."""
        digest = hashlib.sha256()
        for labels in (self.train_labels, self.test_labels):
            digest.update(b"none" if labels is None else _label_bytes(labels))
        return digest.hexdigest()

    def described(self, bounds: tuple[float, float] | None = None) -> dict[str, Any]:
        """Return a manifest's description of the test rows; see `Manifest.dataset`.

        Args:
            bounds: the least and largest real value, if they are known; they replace `bounds`.
        """
        limits = bounds or self.bounds
        if limits is None:
            real = self.normalization.real(self.test)
            limits = float(real.min()), float(real.max())
        # if all values are equal the range is 0; a span of 1 leaves an MSE in the values' units
        span = limits[1] - limits[0] or 1.0
        return {
            "name": self.name,
            "sha256": self.sha256,
            "n": len(self.test),
            "span": span,
            "mean_loss": self.mean_loss,
            **self.recorded(),
        }

    def recorded(self) -> dict[str, Any]:
        """Return the columns' names and the reading, if any, for `train.json` and manifests."""
        made = {"columns": list(self.columns), "reading": self.reading.to_json()}
        return {key: value for key, value in made.items() if value}

    def normalized(self, normalization: Normalization) -> "Dataset":
        """Return the same rows with another normalization."""
        return replace(self, normalization=normalization)

    def images(self, part: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the real values of `train`, `validation` or `test`: float32 (n, *shape).

        Raises:
            BadInput: the rows do not have the number of values of `shape`, have another order of
                axes (channels first or last), or become infinite by the normalization.
        """
        stored: NDArray[Any] = getattr(self, part)
        if not fits(stored.shape[1:], shape):
            raise BadInput(
                f"dataset {self.name}: rows of {self.width} values, shape {stored.shape[1:]}; "
                f"the model takes {int(np.prod(shape))}, shape {shape}"
            )
        # before the row gets the model's shape, because columns are counted in the row's own shape
        with about(f"dataset {self.name}"):
            real = self.normalization.real(stored).reshape(-1, *shape)
        if not np.isfinite(real).all():
            raise BadInput(
                f"dataset {self.name}: {self.normalization.to_text()} makes values too large for "
                "float32"
            )
        return real


def _label_bytes(labels: NDArray[Any]) -> bytes:
    if labels.dtype.kind == "U":
        return "\n".join(labels).encode()
    return np.asarray(labels, "<i8").tobytes()


def fits(stored: tuple[int, ...], asked: tuple[int, ...]) -> bool:
    """Return whether a row can be reshaped: flattened, unflattened, or with axes of size 1."""
    if np.prod(stored) != np.prod(asked):
        return False
    long = [tuple(size for size in shape if size != 1) for shape in (stored, asked)]
    return long[0] == long[1] or min(map(len, long)) <= 1


def require_trainable(dataset: Dataset) -> None:
    """Refuse a dataset of only representative rows.

    Raises:
        BadInput: there are no rows for training.
    """
    if not dataset.trainable:
        raise BadInput(
            f"{dataset.origin}: only representative rows; a training needs an .npz with x_train "
            "and x_test, or --split 70:10:20, which splits the rows"
        )


def require_unit(dataset: Dataset) -> None:
    """Refuse a dataset with values outside [0, 1], because the families' output is a sigmoid.

    Raises:
        BadInput: a value is outside [0, 1], or there are no rows for training.
    """
    require_trainable(dataset)
    for part in ("train", "validation", "test"):
        real = dataset.images(part, dataset.test.shape[1:])
        low, high = float(real.min()), float(real.max())
        if low < 0 or high > 1:
            key = "x_test" if part == "test" else "x_train"
            raise BadInput(
                f"{dataset.origin}: {key} ranges from {low:g} to {high:g}; floats must be in [0, 1]"
            )
