"""A user's arrays as the values of a model, and back: bytes, real values, columns and codes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeae.artifacts.manifest import Artifact, Manifest, TensorSpec
from edgeae.data import Normalization, normalization_of
from edgeae.data.dataset import fits
from edgeae.errors import BadInput, about
from edgeae.metrics.quantization import quantize
from edgeae.runtimes.inference import prepare

#: What messages call the two kinds of arrays.
IMAGES, CODES = "images", "codes"
#: The bytes that a pixel can have.
_BYTES = np.arange(256, dtype=np.uint8)
#: Allowed sizes of a float in bytes; numpy has longer floats, which no other library reads.
_FLOAT_BYTES = (2, 4, 8)


@dataclass(frozen=True)
class Values:
    """How the users of a model hold its images.

    * Of a model of *pixels*, uint8 are stored pixels, to which the manifest's normalization is
      applied; floats are real values as the model was trained on.
    * Of *standardised columns*, integers and floats are the columns' own values.
    * Of any other model, floats are real values as the model was trained on.

    Attributes:
        normalization: map from stored values to real values.
        span: largest minus least real value of the model's test images.
        columns: names of the columns of a row; empty if they have none.
    """

    normalization: Normalization
    span: float = 1.0
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> "Values":
        """Return those of a bundle."""
        data = manifest.dataset
        return cls(
            normalization_of(manifest), float(data.get("span", 1.0)), tuple(data.get("columns", ()))
        )

    @cached_property
    def pixels(self) -> tuple[float, float] | None:
        """The least and the largest real value of a pixel; None if the model takes no pixels."""
        if self._standardised:
            return None
        ends = self.normalization.real(_BYTES[[0, -1]])
        low, high = float(ends.min()), float(ends.max())
        unchanged = (self.normalization.scale, self.normalization.offset) == (1.0, 0.0)
        return (low, high) if not unchanged or self.span == high - low else None

    @property
    def _standardised(self) -> bool:
        return self.normalization.standardization is not None

    def checked(self, images: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return images as an array (n, …) whose rows have as many values as `shape`.

        Of a data frame, the model's columns are taken by their names.

        Raises:
            BadInput: the shape or the element type is not allowed, or a column is missing.
        """
        array = _array(IMAGES, self._own_columns(images))
        if not (_is_float(array) or self._takes_integers(array.dtype)):
            raise BadInput(f"{IMAGES}: elements are {array.dtype}; allowed are {self._allowed}")
        return _checked_rows(IMAGES, array, shape)

    def _own_columns(self, images: Any) -> Any:
        """Return the model's columns of a data frame of pandas or polars; else the argument."""
        names = getattr(images, "columns", None)
        if names is None or not self.columns:
            return images
        held = set(names)
        for name in self.columns:
            if name not in held:
                allowed = ", ".join(self.columns)
                raise BadInput(f"{IMAGES}: no column {name!r}; allowed are tables with {allowed}")
        return images[list(self.columns)]

    def _takes_integers(self, dtype: np.dtype[Any]) -> bool:
        if self._standardised:
            return dtype.kind in "iu"
        return self.pixels is not None and dtype == np.uint8

    @property
    def _allowed(self) -> str:
        if self._standardised:
            return "integers and floats (16, 32 or 64 bits): the columns' own values"
        floats = "floats (16, 32 or 64 bits), real values as the model was trained on"
        return floats if self.pixels is None else f"uint8 pixels, or {floats}"

    def real(self, images: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return checked images as real values, float32 (n, *shape).

        Raises:
            BadInput: a value is NaN or infinite, or far beyond those of pixels, or there is another
                number of columns than at the training.
        """
        if _is_float(images) and not self._standardised:
            found = _float32(IMAGES, images)
            self._check_range(found)
        else:
            with about(IMAGES):
                own = _float32(IMAGES, images)
                found = _float32(IMAGES, self.normalization.real(own))
        return found.reshape(-1, *shape)

    def _check_range(self, real: NDArray[np.float32]) -> None:
        """Refuse floats that are most likely bytes: beyond the range of pixels by all of it."""
        if self.pixels is None or not real.size:
            return
        (low, high), (least, most) = self.pixels, _ends(real)
        width = high - low
        if least < low - width or most > high + width:
            raise BadInput(
                f"{IMAGES}: floats from {least:g} to {most:g}; allowed are real values as the "
                f"model was trained on, {low:g} to {high:g}, or uint8 pixels"
            )

    def prepared(self, images: NDArray[Any], artifact: Artifact) -> NDArray[Any]:
        """Return checked images in the shape and the element type of an artifact's input.

        Raises:
            BadInput: see `real`.
        """
        shape = artifact.input.values
        if images.dtype != np.uint8 or self._standardised:
            return prepare(artifact, self.real(images, shape))
        # a pixel is one of 256 values: the same bits as above, in a fraction of the time
        table, affine = self.normalization.real(_BYTES), artifact.input.affine
        return _looked_up(table if affine is None else quantize(table, affine), images, shape)

    def own(self, real: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return a model's outputs as their users hold them, float32 (n, *shape).

        They are real values; of standardised columns the columns' own values.
        """
        kept = self.normalization.standardization
        if kept is None:
            return real.reshape(-1, *shape)
        columns = len(kept.mean)
        return kept.stored(real.reshape(len(real), -1, columns)).reshape(-1, *shape)


def raw_codes(dtype: object, spec: TensorSpec) -> bool:
    """Return whether `dtype` asks for codes in the artifact's own integers, not for real ones.

    Raises:
        BadInput: it is neither float32 nor the artifact's element type.
    """
    allowed = dict.fromkeys(("float32", spec.dtype))
    try:
        asked: str = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError:
        asked = str(dtype)
    if asked not in allowed:
        raise BadInput(f"dtype {asked!r:.40}: allowed are {' and '.join(allowed)}")
    return asked != "float32"


def prepared_codes(codes: ArrayLike, spec: TensorSpec) -> NDArray[Any]:
    """Return codes in the shape and the element type of a decoder's input.

    Args:
        codes: (n, …): floats are real codes; integers have the input's own element type.
        spec: the decoder's input.

    Raises:
        BadInput: the shape or the element type is not allowed, or a value is NaN or infinite.
    """
    array, affine = _array(CODES, codes), spec.affine
    if not (_is_float(array) or (affine is not None and array.dtype == spec.dtype)):
        raw = f", or raw codes, {spec.dtype}" if affine is not None else ""
        raise BadInput(f"{CODES}: elements are {array.dtype}; allowed are floats, real codes{raw}")
    rows = _checked_rows(CODES, array, spec.values).reshape(-1, *spec.values)
    if not _is_float(rows):
        return rows
    real = _float32(CODES, rows)
    return real if affine is None else quantize(real, affine)


def _array(name: str, given: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except ValueError:
        raise BadInput(f"{name}: rows of different lengths; allowed is one array (n, …)") from None


def _is_float(array: NDArray[Any]) -> bool:
    return bool(array.dtype.kind == "f" and array.dtype.itemsize in _FLOAT_BYTES)


def _checked_rows(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.ndim < 2 or not fits(array.shape[1:], shape):
        one = f"; one alone is {name}[np.newaxis]" if fits(array.shape, shape) else ""
        axes = " × ".join(map(str, shape))
        raise BadInput(f"{name}: shape {array.shape}; allowed are (n, …), rows of {axes}{one}")
    return array


def _float32(name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        found: NDArray[np.float32] = array.astype(np.float32, copy=False)
    if found.size and not np.isfinite(_ends(found)).all():
        bad = found.size - int(np.count_nonzero(np.isfinite(found)))
        raise BadInput(f"{name}: {bad} values are NaN, infinite or too large for float32")
    return found


def _ends(array: NDArray[np.float32]) -> tuple[float, float]:
    """Return the least and the largest value; NaN if there is one."""
    return float(array.min()), float(array.max())


def _looked_up(
    table: NDArray[Any], pixels: NDArray[np.uint8], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Return the entry of a table (256,) for each pixel, (n, *shape)."""
    if table.itemsize == 1:
        # NumPy would make an index of 8 bytes of each pixel first
        found = bytearray(np.ascontiguousarray(pixels)).translate(table.tobytes())
        return np.frombuffer(found, table.dtype).reshape(-1, *shape)
    return table[pixels].reshape(-1, *shape)
