"""Standardization: each column of a table, or channel of a signal, gets mean 0 and deviation 1.

real = (stored − mean) / deviation, with the statistics of the training rows.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput

_FLOAT32 = np.finfo(np.float32)


@dataclass(frozen=True)
class Standardization:
    """Means and standard deviations of the columns.

    They are computed in float64 and applied in float32, so that a device, whose C has float32 only,
    gives the same bits.

    Attributes:
        mean: mean of each column.
        deviation: standard deviation of each column, above 0; 1 for a constant column.

    Raises:
        BadInput: a value is not possible, or the two do not have one value per column each.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.deviation):
            raise BadInput(
                f"{len(self.mean)} means and {len(self.deviation)} deviations: allowed are as many "
                "of both, 1 or more"
            )
        least, most = float(_FLOAT32.tiny), float(_FLOAT32.max)
        for place, (mean, deviation) in enumerate(zip(self.mean, self.deviation, strict=True)):
            if not -most <= mean <= most:
                raise BadInput(f"mean[{place}] = {mean}: allowed are finite float32 values")
            if not least <= deviation <= most:
                raise BadInput(f"deviation[{place}] = {deviation}: allowed is {least:.3g} or more")

    @classmethod
    def of(cls, rows: NDArray[np.floating]) -> "Standardization":
        """Return the statistics of rows (n, …, columns): population deviations, in float64.

        A column whose values are all equal, or too close for float32, has the deviation 1.
        """
        columns = rows.reshape(-1, rows.shape[-1])
        mean = columns.mean(axis=0, dtype=np.float64)
        deviation = columns.std(axis=0, dtype=np.float64)
        same = (columns.max(axis=0) == columns.min(axis=0)) | (deviation < _FLOAT32.tiny)
        deviation[same] = 1.0
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    def real(self, stored: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (stored − mean) / deviation of values (…, columns), float32.

        Raises:
            BadInput: the values have another number of columns.
        """
        self._check(stored)
        centred = stored - np.array(self.mean, np.float32)
        return np.divide(centred, np.array(self.deviation, np.float32), dtype=np.float32)

    def stored(self, real: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return real × deviation + mean of values (…, columns), float32.

        Raises:
            BadInput: the values have another number of columns.
        """
        self._check(real)
        return real * np.array(self.deviation, np.float32) + np.array(self.mean, np.float32)

    def _check(self, values: NDArray[Any]) -> None:
        if values.shape[-1] != len(self.mean):
            raise BadInput(
                f"rows of {values.shape[-1]} columns: the statistics of the training rows are of "
                f"{len(self.mean)}"
            )

    def to_json(self) -> dict[str, list[float]]:
        """Return both as lists, for manifests and `train.json`."""
        return {key: list(values) for key, values in asdict(self).items()}
