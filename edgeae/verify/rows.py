"""The rows that verify reports, and the pure functions that compute them from outputs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact, TensorSpec
from edgeae.metrics.loss import image_losses, worst
from edgeae.metrics.parity import Parity, breaches, compare
from edgeae.metrics.quantization import dequantize, quantize
from edgeae.metrics.tolerance import Tolerance

#: File beside the manifest that holds the findings.
VERIFY = "verify.json"


@dataclass(frozen=True)
class Row:
    """The findings for one artifact in one runtime.

    Attributes:
        part, format, flavour, runtime, runtime_version, device: the artifact and the runtime.
        software: whether the device is emulated on the processor.
        reference: the source of the answers that the artifact's answers are compared with.
        n: number of images compared.
        share_over_1lsb: share of values that differ by more than one LSB; None for float outputs.
        max_lsb: the largest difference in LSB; None for float outputs.
        max_abs: the largest difference in real units; None without a finite answer.
        loss: MSE of the reconstruction against the images; None for an encoder.
        added_loss, loss_ratio: `loss` minus, and `loss` divided by, the reference loss: the
            equal-budget control's if the recipe fine-tunes and all test images were compared,
            otherwise the original's.
        added_p99: the same difference for the worst percent of images; None if not all test images
            were compared.
        verdict: `pass`, `fail`, `crashed`, or `unavailable`: the runtime is absent, or does not
            take the artifact.
        reasons: each breach, or the reason why there is no answer.
        note: a note of the session for the reader.
    """

    part: str
    format: str
    flavour: str
    runtime: str
    runtime_version: str = ""
    device: str = ""
    software: bool = False
    reference: str = ""
    n: int = 0
    share_over_1lsb: float | None = None
    max_lsb: int | None = None
    max_abs: float | None = None
    loss: float | None = None
    added_loss: float | None = None
    loss_ratio: float | None = None
    added_p99: float | None = None
    verdict: str = "pass"
    reasons: tuple[str, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Composition:
    """Comparison of decoder(encoder(x)) with autoencoder(x) in one runtime.

    Attributes:
        format, runtime: format of the artifacts, and the runtime.
        n: number of images.
        max_lsb: largest difference of an int8 bundle, in LSB; None for floats.
        max_abs: largest difference, in real units; None if an output was not finite.
        verdict: `pass` or `fail`.
        reasons: the breach; empty if the verdict is `pass`.
    """

    format: str
    runtime: str
    n: int
    max_lsb: int | None
    max_abs: float | None
    verdict: str
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Losses:
    """The losses of an export's reconstructions: see `Row`."""

    loss: float | None = None
    added_loss: float | None = None
    loss_ratio: float | None = None
    added_p99: float | None = None
    breaches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Yardstick:
    """The reference losses that reconstructions are compared with.

    Attributes:
        loss: MSE on the same images; None if no part reconstructs images.
        p99: 99th percentile of the images' MSE, see `Worst`; None if not all test images are
            compared.
    """

    loss: float | None
    p99: float | None = None


def parity(output: NDArray[Any], expected: NDArray[Any], spec: TensorSpec) -> Parity:
    """Compare outputs (n, …) with the expected ones; quantized outputs are compared in LSB."""
    if spec.grid is None or (spec.affine is None and not np.isfinite(output).all()):
        return compare(output, expected, None)
    return compare(_steps(output, spec), _steps(expected, spec), spec.grid)


def _steps(values: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return the integers of an output; a float output of a quantized tensor is quantized again."""
    if spec.affine is None and spec.grid is not None:
        return quantize(values, spec.grid)
    return values


def losses(
    artifact: Artifact,
    output: NDArray[Any],
    images: NDArray[np.float32],
    yardstick: Yardstick,
    tolerance: Tolerance,
) -> Losses:
    """Judge the reconstructions (n, …) of an artifact; an encoder has no losses."""
    spec = artifact.output
    code = artifact.part == "encoder"
    if code or yardstick.loss is None or not np.isfinite(output).all():
        return Losses()
    real = output if spec.affine is None else dequantize(output, spec.affine)
    per_image = image_losses(real, images)
    loss = float(per_image.mean())
    added = loss - yardstick.loss
    reasons = []
    if added > tolerance.added_loss:
        reasons.append(f"added_loss {added:.2e} > {tolerance.added_loss:.2e}")
    p99 = None
    if yardstick.p99 is not None:
        p99 = worst(per_image) - yardstick.p99
        if p99 > tolerance.added_p99:
            reasons.append(f"added_p99 {p99:.2e} > {tolerance.added_p99:.2e}")
    # an original that reconstructs perfectly has no ratio, only an added loss
    ratio = loss / yardstick.loss if yardstick.loss else None
    return Losses(loss, added, ratio, p99, tuple(reasons))


def compose(
    artifact: Artifact,
    runtime: str,
    composed: NDArray[Any],
    whole: NDArray[Any],
) -> Composition:
    """Compare decoder(encoder(x)) with autoencoder(x), which must be equal.

    Args:
        artifact: the autoencoder, which describes both outputs.
        runtime: the runtime of both outputs.
        composed, whole: outputs of decoder(encoder(x)) and of autoencoder(x), shape (n, …), in the
            artifact's element type.
    """
    compared = parity(composed, whole, artifact.output)
    # encoder and decoder are cut out of the autoencoder: both ways do the same arithmetic;
    # the code of a `fast` artifact is quantized, so that even its floats must be equal
    apart = 0.0 if artifact.flavour.startswith("fast") else 1e-5
    exact = Tolerance(max_abs=apart, share_over_1lsb=0.0, max_lsb=0)
    reasons = tuple(f"composition: {breach}" for breach in breaches(compared, exact))
    return Composition(
        format=artifact.format,
        runtime=runtime,
        n=len(whole),
        max_lsb=compared.max_lsb,
        max_abs=compared.max_abs if compared.finite else None,
        verdict="fail" if reasons else "pass",
        reasons=reasons,
    )
