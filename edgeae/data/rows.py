"""Rows with their labels, and the windows that are cut out of a recording."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.data.reading import Reading
from edgeae.errors import BadInput
from edgeae.reading.unpacking import Allowance


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows, or the samples of a recording, with their labels.

    Attributes:
        x: uint8 or float32 (n, …); of a recording, (samples, channels).
        y: labels (n,), or None.
        every: the labels of the whole recording, of which these rows are a part; or None.
    """

    x: NDArray[Any]
    y: NDArray[Any] | None
    every: NDArray[Any] | None = None

    @classmethod
    def of(cls, arrays: dict[str, NDArray[Any]], suffix: str) -> "Rows":
        """Return the rows `x` + suffix with their labels; what is not uint8 becomes float32."""
        x = arrays[f"x{suffix}"]
        lean = x if x.dtype == np.uint8 else x.astype(np.float32, copy=False)
        labels = arrays.get(f"y{suffix}")
        return cls(lean, labels, labels)

    def take(self, places: NDArray[np.integer]) -> "Rows":
        """Return the rows at these places."""
        if len(places) and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
            at = slice(int(places[0]), int(places[0]) + len(places))  # a view, not a copy
            return Rows(self.x[at], None if self.y is None else self.y[at], self.every)
        return Rows(self.x[places], None if self.y is None else self.y[places], self.every)

    def last(self, n: int) -> "Rows":
        """Return the last n rows."""
        return self.take(np.arange(len(self.x) - n, len(self.x)))

    def windows(self, origin: str, part: str, reading: Reading) -> "Rows":
        """Return the windows (n, window, channels) of a recording; rows, if the reading cuts none.

        A window has the label of its samples that is rarest in the whole recording: a window with
        one sample of a fault is a window of a fault.

        Args:
            origin: the file, for errors.
            part: what these rows are, for errors.
            reading: its `window` and `step`.

        Raises:
            BadInput: the rows are no recording, or shorter than a window, or the windows take more
                memory than allowed.
        """
        if not reading.window:
            return self
        samples = self.x[:, np.newaxis] if self.x.ndim == 1 else self.x
        size, step = reading.window, reading.stride
        if samples.ndim != 2:
            raise BadInput(
                f"{origin}: --window {size}: rows of shape {self.x.shape[1:]}; allowed is a "
                "recording, (samples,) or (samples, channels)"
            )
        if len(samples) < size:
            raise BadInput(
                f"{origin}: --window {size}: longer than the {part} of the recording, "
                f"{len(samples)} samples"
            )
        starts = range(0, len(samples) - size + 1, step)
        Allowance(origin).take(
            len(starts) * size * samples[0].nbytes, f"{len(starts)} windows of {size} samples"
        )
        views = np.lib.stride_tricks.sliding_window_view(samples, size, axis=0)[::step]
        cut = np.ascontiguousarray(views.transpose(0, 2, 1))
        if self.y is None:
            return Rows(cut, None)
        return Rows(
            cut, _window_labels(self.y, self.y if self.every is None else self.every, reading)
        )


def _window_labels(labels: NDArray[Any], every: NDArray[Any], reading: Reading) -> NDArray[Any]:
    """Return the label of each window: that of its samples that is rarest in `every`."""
    values, counts = np.unique(every, return_counts=True)
    order = np.argsort(counts, kind="stable")  # from the rarest
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    codes = ranks[np.searchsorted(values, labels)]
    views = np.lib.stride_tricks.sliding_window_view(codes, reading.window)[:: reading.stride]
    rarest: NDArray[Any] = values[order[views.min(axis=1)]]
    return rarest
