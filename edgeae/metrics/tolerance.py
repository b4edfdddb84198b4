"""What may differ between an export and its original, or between two runtimes."""

import math
from dataclasses import asdict, dataclass, replace

from edgeae.reading.typed_json import require

#: The runtime whose answers all int8 parity refers to.
REFERENCE = "litert-reference"


@dataclass(frozen=True)
class Tolerance:
    """What verify accepts.

    Attributes:
        added_loss: MSE of the export minus MSE of what it is judged against, on the test images, of
            data whose mean has MNIST's MSE, 0.067; on other data the limit is scaled. A recipe that
            fine-tunes is judged against the equal-budget control, any other against the original.
            A difference, not a ratio: a ratio rewards a badly trained original.
        added_p99: the same for the worst percent of images: the 99th percentile of each image's
            MSE.
        max_abs: float outputs against the original: max |Δ| ≤ max_abs × max(1, max |reference|).
        share_over_1lsb: integer outputs against `litert-reference`: largest share of values that
            may differ by more than one LSB.
        builtin_share_over_1lsb: the same for `litert-builtin`, if larger: its optimized kernels
            round twice when they rescale, where the reference and XNNPACK round once.
        conv_share_over_1lsb: the same for artifacts with convolutions, if larger: each of several
            layers may round a value either way, and one LSB of the code is several LSB of the
            output.
        max_lsb: integer outputs against `litert-reference`: the largest difference.
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
            require(0 <= value < math.inf, f"tolerance.{key}", value, "0 or more, and finite")

    def times(self, scale: float) -> "Tolerance":
        """Return the same for data that gives `scale` times as much to lose: see `loss_scale`."""
        return replace(self, added_loss=self.added_loss * scale, added_p99=self.added_p99 * scale)

    def on(self, runtime: str, convolves: bool = False) -> "Tolerance":
        """Return what is accepted of one runtime's integers; floats are judged alike on all.

        Args:
            runtime: its name.
            convolves: whether the artifact does, `Artifact.convolves`.
        """
        if runtime == REFERENCE:
            # integer kernels reproduce their own golden vectors to the bit, on any machine
            return replace(self, share_over_1lsb=0.0, max_lsb=0)
        share = self.share_over_1lsb
        if runtime == "litert-builtin":
            share = max(share, self.builtin_share_over_1lsb)
        if convolves:
            share = max(share, self.conv_share_over_1lsb)
        return replace(self, share_over_1lsb=share)
