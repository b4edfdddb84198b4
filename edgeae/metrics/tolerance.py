"""The allowed differences between an export and its original, or between two runtimes.

The limits of an export as an anomaly detector are here as well.
"""

import math
from dataclasses import asdict, dataclass, replace

from edgeae.reading.typed import require

#: The reference runtime of all int8 parity.
REFERENCE = "litert-reference"


@dataclass(frozen=True)
class Tolerance:
    """The limits of verify.

    Attributes:
        added_loss: largest MSE of the export minus MSE of its reference, on the test images. The
            reference is the equal-budget control for a recipe that fine-tunes, otherwise the
            original. The limit holds for data whose `mean_loss` is MNIST's, 0.067; for other data
            it is scaled. It is a difference, because a ratio rewards a badly trained original.
        added_p99: the same for the 99th percentile of the images' MSE.
        max_abs: float outputs against the original: max |Δ| ≤ max_abs × max(1, max |reference|).
        share_over_1lsb: integer outputs against `litert-reference`: largest share of values that
            may differ by more than one LSB.
        builtin_share_over_1lsb: the same for `litert-builtin`, if larger: its optimized kernels
            round twice when they rescale, whereas the reference and XNNPACK round once.
        conv_share_over_1lsb: the same for artifacts with convolutions, if larger: each of several
            layers may round a value either way, and one LSB of the code is several LSB of the
            output.
        max_lsb: integer outputs against `litert-reference`: the largest difference, in LSB.
    """

    added_loss: float = 3e-4
    added_p99: float = 3e-3
    max_abs: float = 1e-5
    share_over_1lsb: float = 0.0
    builtin_share_over_1lsb: float = 0.0
    conv_share_over_1lsb: float = 0.0
    max_lsb: int = 0

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            require(0 <= value < math.inf, key, value, "0 or more, and finite")

    def times(self, scale: float) -> "Tolerance":
        """Return the tolerance with its limits of losses times `scale`, see `loss_scale`."""
        return replace(self, added_loss=self.added_loss * scale, added_p99=self.added_p99 * scale)

    def on(self, runtime: str, convolves: bool = False) -> "Tolerance":
        """Return the tolerance for one runtime; only the limits of integers depend on it.

        Args:
            runtime: name of the runtime.
            convolves: whether the artifact has convolutions, see `Artifact.convolves`.
        """
        if runtime == REFERENCE:
            # integer kernels reproduce their own golden vectors exactly on any machine
            return replace(self, share_over_1lsb=0.0, max_lsb=0)
        share = self.share_over_1lsb
        if runtime == "litert-builtin":
            share = max(share, self.builtin_share_over_1lsb)
        if convolves:
            share = max(share, self.conv_share_over_1lsb)
        return replace(self, share_over_1lsb=share)


@dataclass(frozen=True)
class DetectionLimits:
    """The limits of an export as an anomaly detector; a limit that is None is not checked.

    Attributes:
        min_auc: least area under the ROC curve on the test rows of `edgeae detect`.
        max_auc_drop: largest AUC of the original minus AUC of the export, on the same rows.
        max_flips: largest share of these rows that change sides through the export, in both
            directions together, each side with its own threshold.
    """

    min_auc: float | None = None
    max_auc_drop: float | None = None
    max_flips: float | None = None

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            require(value is None or 0 <= value <= 1, key, value, "0 to 1")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is checked."""
        return not any(value is not None for value in asdict(self).values())
