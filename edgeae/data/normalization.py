"""The map from a file's values to a model's values, and back.

real = stored × scale + offset, or, of standardised columns, real = (stored − mean) / deviation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.metrics.standardization import Standardization


@dataclass(frozen=True)
class Normalization:
    """Scale and offset of the normalization, or the standardization of the columns.

    Attributes:
        scale, offset: real = stored × scale + offset.
        standardization: the columns' means and deviations, where scale is 1 and offset 0; None if
            the columns are not standardised.

    Raises:
        BadInput: the scale is 0, the scale or the offset is not finite, or there are both.
    """

    scale: float
    offset: float
    standardization: Standardization | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale) or self.scale == 0:
            raise BadInput(f"normalization: scale {self.scale}: must be finite and not 0")
        if not math.isfinite(self.offset):
            raise BadInput(f"normalization: offset {self.offset}: must be finite")
        if self.standardization is not None and (self.scale, self.offset) != (1.0, 0.0):
            raise BadInput(
                f"normalization: × {self.scale:g} + {self.offset:g} and a standardization: allowed "
                "is one of them"
            )

    @classmethod
    def usual(cls, dtype: np.dtype[Any]) -> "Normalization":
        """Return the default for an element type: uint8 is scaled to 0…1, others are unchanged."""
        return cls(1 / 255 if dtype == np.uint8 else 1.0, 0.0)

    @classmethod
    def recorded(
        cls, normalization: Mapping[str, float], standardization: Standardization | None
    ) -> "Normalization":
        """Return what `train.json` or a manifest holds under these two keys."""
        return cls(normalization["scale"], normalization["offset"], standardization)

    def standardized(self, standardization: Standardization) -> "Normalization":
        """Return the same with a standardization.

        Raises:
            BadInput: there is a scale or an offset already.
        """
        return replace(self, standardization=standardization)

    def real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return the real values as float32; a copy.

        Args:
            stored: values of any shape; (…, columns) if the columns are standardised.

        Raises:
            BadInput: the number of columns is not that of the standardization.
        """
        values = stored.astype(np.float32)
        with np.errstate(over="ignore"):  # the caller checks for infinite values
            if self.scale != 1.0:
                values *= np.float32(self.scale)
            if self.offset != 0.0:
                values += np.float32(self.offset)
            if self.standardization is not None:
                values = self.standardization.real(values)
        return values

    def to_json(self) -> dict[str, float]:
        """Return scale and offset as JSON types, for manifests and `train.json`."""
        return {"scale": self.scale, "offset": self.offset}

    def to_text(self) -> str:
        """Return the map in words, for errors."""
        if self.standardization is not None:
            return f"standardised by {len(self.standardization.mean)} means and deviations"
        return f"× {self.scale:g} + {self.offset:g}"
