"""A part of a package: a program with its name and what its helper functions need to know."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.program import Program
from edgeae.codegen.step import C_TYPES
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.quantization import Affine, is_near
from edgeae.metrics.standardization import Standardization


@dataclass(frozen=True, eq=False)
class Part:
    """A part, with what the header offers beside `NAME_run`.

    Attributes:
        name: begins every name in the part's files, such as `deep_encoder`.
        program: the steps.
        pixels: (256,) the input integer for each byte of an image; None if inputs are no images of
            bytes.
        contract: a number that an encoder and a decoder have in common if they belong together.
        partner: name of the other part of the contract; empty if there is none.
        compared: the tensor with which a reconstruction is compared, for the score: the encoder's
            input; None if the part's output is no reconstruction.
        golden: inputs (n, …) and outputs (n, …) of the self-test, in the part's element types.
        columns_in, columns_out: the statistics of the columns that the part's input and its output
            are standardised by; None if they are not.
        threshold: scores above it are anomalies, in the unit of the score; None if `edgeae detect`
            did not choose one.
    """

    name: str
    program: Program
    pixels: NDArray[Any] | None = None
    contract: int | None = None
    partner: str = ""
    compared: Tensor | None = None
    golden: tuple[NDArray[Any], NDArray[Any]] | None = None
    columns_in: Standardization | None = None
    columns_out: Standardization | None = None
    threshold: float | None = None

    @property
    def upper(self) -> str:
        """The name in capitals, with which the macros begin."""
        return self.name.upper()

    @property
    def scored(self) -> bool:
        """Whether the part has a score.

        It has one if the reconstruction can be compared with the input as it is; otherwise only if
        a threshold asks for it, and then the image has to be quantized as the output is.
        """
        return has_score(self.program.output, self.compared, self.threshold)

    @property
    def compares_input(self) -> bool:
        """Whether the output and what it is compared with may be subtracted as they are."""
        return subtractable(self.program.output, self.compared)


def has_score(target: Tensor, other: Tensor | None, threshold: float | None) -> bool:
    """Return whether a part has a score, see `Part.scored`.

    Args:
        target: the part's output.
        other: what it is compared with.
        threshold: see `Part`.
    """
    alike = other is not None and other.dtype == target.dtype and has_scale(target)
    return subtractable(target, other) or (threshold is not None and alike)


def subtractable(target: Tensor, other: Tensor | None) -> bool:
    """Return whether the values of two tensors may be subtracted as they are."""
    if other is None or other.dtype != target.dtype:
        return False
    if not target.scales:
        return target.dtype == "float32"
    return bool(other.scales) and is_near(_grid(other), _grid(target))


def _grid(tensor: Tensor) -> Affine:
    return Affine(float(tensor.scales[0]), int(tensor.zero_points[0]), tensor.dtype)


def size(tensor: Tensor) -> int:
    """Return the number of values of a tensor."""
    return int(np.prod(tensor.shape))


def has_scale(tensor: Tensor) -> bool:
    """Return whether a tensor holds integers of one scale."""
    return len(tensor.scales) == 1 and tensor.dtype in ("int8", "uint8", "int16")


def c_type(tensor: Tensor) -> str:
    """Return the C type of a tensor's values."""
    return C_TYPES[tensor.dtype]
