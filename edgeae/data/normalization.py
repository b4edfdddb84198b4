"""The normalization from a file's values to a model's values: real = stored × scale + offset."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput


@dataclass(frozen=True)
class Normalization:
    """Scale and offset of the normalization: real = stored × scale + offset.

    Raises:
        BadInput: the scale is 0, or the scale or the offset is not finite.
    """

    scale: float
    offset: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale) or self.scale == 0:
            raise BadInput(f"normalization: scale {self.scale}: must be finite and not 0")
        if not math.isfinite(self.offset):
            raise BadInput(f"normalization: offset {self.offset}: must be finite")

    @classmethod
    def usual(cls, dtype: np.dtype[Any]) -> "Normalization":
        """Return the default for an element type: uint8 is scaled to 0…1, others are unchanged."""
        return cls(1 / 255 if dtype == np.uint8 else 1.0, 0.0)

    def real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return the real values as float32; a copy."""
        values = stored.astype(np.float32)
        with np.errstate(over="ignore"):  # the caller checks for infinite values
            if self.scale != 1.0:
                values *= np.float32(self.scale)
            if self.offset != 0.0:
                values += np.float32(self.offset)
        return values

    def to_json(self) -> dict[str, float]:
        """Return scale and offset as JSON types, for manifests and `train.json`."""
        return asdict(self)
