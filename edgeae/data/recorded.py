"""The data of a model: what its `train.json` or a manifest says of rows, loaded again."""

from collections.abc import Callable

from edgeae.artifacts.manifest import Manifest
from edgeae.artifacts.model import Training
from edgeae.data.dataset import Dataset
from edgeae.data.find import load, load_all
from edgeae.data.normalization import Normalization
from edgeae.data.reading import Reading


def normalization_of(record: Training | Manifest) -> Normalization:
    """Return the map from stored values to the values of a model or a bundle."""
    return Normalization.recorded(record.normalization, record.standardization)


def asked_of(record: Training | Manifest) -> Reading:
    """Return the reading as it is recorded: in `train.json`, as the user asked for it.

    Raises:
        BadInput: the record is damaged.
    """
    return Reading.of(record.dataset.get("reading"), "dataset.reading")


def reading_of(record: Training | Manifest) -> Reading:
    """Return the reading with the model's columns by their names, for this file or another.

    Raises:
        BadInput: the record is damaged.
    """
    return asked_of(record).having(tuple(record.dataset.get("columns", ())))


def load_recorded(training: Training, *, say: Callable[[str], None] = lambda line: None) -> Dataset:
    """Load the dataset that a model was made with; the caller compares the hash.

    Raises:
        BadInput: the dataset is not available, or its content is not valid.
    """
    return load(
        training.data,
        say=say,
        normalization=normalization_of(training),
        train=training.train_data,
        reading=reading_of(training),
    )


def load_for(record: Training | Manifest, path: str, label: str | None = None) -> Dataset:
    """Load all rows of any file as a model takes them: its columns by name, its statistics.

    Args:
        record: the record of the model, or of one of its bundles.
        path: the file.
        label: name of the column with labels; None for that of the model's own data, if it has one.

    Returns:
        see `load_all`.

    Raises:
        BadInput: the file cannot be read, its content is not valid, or it lacks a column.
    """
    reading = reading_of(record)
    if label is not None:
        reading = reading.labelled(label)
    return load_all(path, reading=reading, normalization=normalization_of(record))
