"""The scales of a dataset's columns: their statistics, their losses, and what to remark."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgeae.data.dataset import Dataset
from edgeae.errors import BadInput
from edgeae.metrics.standardization import Standardization

#: The widest column's deviation over the narrowest's above which a table is remarked on: an int8
#: input has 255 steps for all columns, so that a narrower column would be less than three of them.
_UNEVEN = 100.0
#: The most names of columns in a remark.
_MOST_TOLD = 5


def standardized(dataset: Dataset) -> Dataset:
    """Return a dataset whose columns are standardised by the statistics of its training rows.

    Raises:
        BadInput: the rows are pictures, or bytes, which have a scale of their own.
    """
    rows = dataset.train
    if rows.dtype == np.uint8:
        raise BadInput(
            f"{dataset.origin}: --standardize: holds bytes, which become 0 to 1; allowed are "
            "floats and wider integers"
        )
    if rows.ndim > 3:
        raise BadInput(
            f"{dataset.origin}: --standardize: rows of shape {rows.shape[1:]}; allowed are rows of "
            "columns and windows (samples, channels)"
        )
    return dataset.normalized(
        dataset.normalization.standardized(Standardization.of(rows.astype(np.float32, copy=False)))
    )


def remarks(dataset: Dataset) -> list[str]:
    """Return a line each on constant columns that are standardised, and on uneven named columns."""
    kept = dataset.normalization.standardization
    if kept is not None:
        ones = np.array(kept.deviation) == 1
        same = np.flatnonzero((_spans(dataset.train) == 0) & ones).tolist()
        constant = [_name(dataset, place) for place in same]
        if not constant:
            return []
        plural = "columns are" if len(constant) > 1 else "column is"
        return [
            f"{dataset.origin}: {len(constant)} {plural} constant in the training rows, with a "
            f"deviation taken as 1: {_listed(constant)}"
        ]
    return [line for line in [_uneven(dataset)] if line]


def column_losses(
    dataset: Dataset, answers: Mapping[str, NDArray[np.floating]]
) -> dict[str, dict[str, float]]:
    """Return the root mean squared error of each named column on the test rows, in its own unit.

    Args:
        dataset: the dataset.
        answers: model → its reconstructions of the test rows, real values (n, …).

    Returns:
        column → `mean`, the error of answering with the column's mean, and the error of each model;
        empty if the columns have no names.
    """
    if not dataset.columns:
        return {}
    count, normalization = len(dataset.columns), dataset.normalization
    rows = normalization.real(dataset.test).reshape(-1, count).astype(np.float64)
    steps = normalization.standardization
    units = np.abs((np.array(steps.deviation) if steps else np.ones(count)) / normalization.scale)
    errors = {"mean": rows - rows.mean(axis=0)}
    errors |= {name: given.reshape(-1, count) - rows for name, given in answers.items()}
    roots = {name: np.sqrt(np.square(error).mean(axis=0)) * units for name, error in errors.items()}
    return {
        column: {name: float(values[place]) for name, values in roots.items()}
        for place, column in enumerate(dataset.columns)
    }


def _uneven(dataset: Dataset) -> str:
    """Return a warning if the deviations of named columns lie far apart; else an empty string."""
    if not dataset.columns or dataset.train.dtype == np.uint8:
        return ""
    deviations = np.array(Standardization.of(dataset.train).deviation)
    varying = np.flatnonzero(_spans(dataset.train) > 0)
    if not len(varying):
        return ""
    least = varying[np.argmin(deviations[varying])]
    most = varying[np.argmax(deviations[varying])]
    ratio = deviations[most] / deviations[least]
    if ratio <= _UNEVEN:
        return ""
    return (
        f"warning: {dataset.origin}: the widest column, {dataset.columns[most]}, deviates "
        f"{ratio:,.0f} times as much as {dataset.columns[least]}: the loss is that of the widest "
        "columns, and one int8 scale cannot hold both; --standardize gives all columns one scale"
    )


def _spans(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the largest minus the smallest value of each column."""
    columns = rows.reshape(-1, rows.shape[-1])
    spans: NDArray[np.floating] = columns.max(axis=0) - columns.min(axis=0)
    return spans


def _name(dataset: Dataset, place: int) -> str:
    return dataset.columns[place] if dataset.columns else str(place + 1)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_TOLD
    return f"{', '.join(names[:_MOST_TOLD])}{f' and {more} more' if more > 0 else ''}"
