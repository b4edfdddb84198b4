"""Compare an answer with the reference's answer, and judge the differences by a tolerance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.metrics.loss import squared_errors
from edgeae.metrics.quantization import Affine, dequantize
from edgeae.metrics.tolerance import Tolerance

#: Tolerance of an artifact's own golden vectors on the reference kernels: integers must be equal;
#: floats may differ by the order in which a processor sums.
REPRODUCED = Tolerance(added_loss=0.0, max_abs=1e-4, share_over_1lsb=0.0, max_lsb=0)


@dataclass(frozen=True)
class Parity:
    """Differences between an answer and its reference.

    Attributes:
        finite: whether outputs and reference hold neither NaN nor infinity.
        max_abs: max |Δ| in real units.
        reference_max: max |reference| in real units, which scales the limit of `max_abs`.
        share_over_1lsb: share of outputs that differ by more than one LSB; None for float outputs.
        max_lsb: max |Δ| in LSB; None for float outputs.
    """

    finite: bool
    max_abs: float
    reference_max: float
    share_over_1lsb: float | None
    max_lsb: int | None


def compare(output: NDArray[Any], reference: NDArray[Any], affine: Affine | None) -> Parity:
    """Compare outputs with reference outputs of the same shape and element type.

    Args:
        output, reference: arrays of shape (n, …); integers if and only if `affine` is given.
        affine: scale and zero point of the integers; None for floats.

    Raises:
        ValueError: shapes or element types differ.
    """
    if output.shape != reference.shape or output.dtype != reference.dtype:
        raise ValueError(
            f"output is {output.dtype} {output.shape}, "
            f"the reference {reference.dtype} {reference.shape}"
        )
    if affine is None:
        largest = float(np.abs(reference).max())
        if not (np.isfinite(output).all() and np.isfinite(reference).all()):
            return Parity(False, float("inf"), largest, None, None)
        delta = np.abs(output.astype(np.float64) - reference.astype(np.float64))
        return Parity(True, float(delta.max()), largest, None, None)
    steps = np.abs(output.astype(np.int32) - reference.astype(np.int32))
    return Parity(
        True,
        float(steps.max()) * affine.scale,
        float(np.abs(dequantize(reference, affine)).max()),
        float(np.count_nonzero(steps > 1) / steps.size),
        int(steps.max()),
    )


def breaches(parity: Parity, tolerance: Tolerance) -> list[str]:
    """Return each figure outside its limit, as `figure value > limit`; empty if all pass."""
    if not parity.finite:
        return ["output holds NaN or infinity"]
    if parity.max_lsb is None or parity.share_over_1lsb is None:
        limit = tolerance.max_abs * max(1.0, parity.reference_max)
        return [] if parity.max_abs <= limit else [f"max_abs {parity.max_abs:.3g} > {limit:.3g}"]
    sentences = []
    if parity.share_over_1lsb > tolerance.share_over_1lsb:
        share, limit = parity.share_over_1lsb, tolerance.share_over_1lsb
        sentences.append(f"share_over_1lsb {share:.3%} > {limit:.3%}")
    if parity.max_lsb > tolerance.max_lsb:
        sentences.append(f"max_lsb {parity.max_lsb} > {tolerance.max_lsb}")
    return sentences


def float32_gap(output: NDArray[np.float32], reference: NDArray[np.float32]) -> tuple[float, float]:
    """Return max |Δ| of two float32 answers, and the limit that parity sets for it.

    max |Δ| is infinite if a value is NaN or infinite. The limit for two computations of the same
    model in float32 is 1e-5 · max(1, max |reference|).
    """
    gap = compare(output, reference, None)
    return gap.max_abs, Tolerance().max_abs * max(1.0, gap.reference_max)


def mse(reconstruction: NDArray[np.floating], images: NDArray[np.floating]) -> float:
    """Return the mean squared error over all values of all images, accumulated in float64.

    Both arrays hold n images of the same number of values; their shapes may differ otherwise.
    """
    return float(squared_errors(reconstruction, images).mean())
