"""What an export costs in reconstruction loss, and against which yardstick that is counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loss", "Worst", "image_losses", "squared_errors", "worst"]

_WORST = 99.0
#: Labels beyond this many are numbers of something else.
_MOST_LABELS = 100


def squared_errors(
    reconstruction: NDArray[np.floating], images: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the squared error of each value, (n, values), in float64; see `image_losses`."""
    found: NDArray[np.float64] = np.square(
        reconstruction.reshape(len(images), -1).astype(np.float64)
        - images.reshape(len(images), -1).astype(np.float64)
    )
    return found


def image_losses(
    reconstruction: NDArray[np.floating], images: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return each image's MSE, (n,), accumulated in float64.

    Both arrays hold n images of the same number of values; their shapes may differ otherwise.
    """
    found: NDArray[np.float64] = squared_errors(reconstruction, images).mean(axis=1)
    return found


def worst(losses: NDArray[np.float64]) -> float:
    """Return the 99th percentile of the images' losses: the best of the worst percent."""
    return float(np.percentile(losses, _WORST))


@dataclass(frozen=True)
class Worst:
    """The 99th percentile of the MSE of single images; the fields are those of `Loss`."""

    float32: float
    control: float | None
    exported: float

    @property
    def yardstick(self) -> float:
        """What the export is judged against."""
        return self.float32 if self.control is None else self.control


@dataclass(frozen=True)
class Loss:
    """MSE of the whole autoencoder on the test images.

    Attributes:
        float32: of the original; of a bundle as is, which has none, `exported` itself.
        control: of the original trained for as many more steps as the recipe fine-tuned, on the
            same schedules; or None.
        exported: of decoder(encoder(x)) of the exported `.tflite`, on the reference kernels; as is,
            on the bundle's reference.
        added: exported − control, or − float32 where nothing was fine-tuned.
        ratio: exported ÷ float32; None if the original's loss is 0.
        control_ratio: exported ÷ control; or None.
        p99: the same three of the worst percent of images; None in old manifests.
        labels: label → MSE of its images, as [float32, control, exported]; None without labels, or
            with more than 100 of them.
    """

    float32: float
    control: float | None
    exported: float
    added: float
    ratio: float | None
    control_ratio: float | None
    p99: Worst | None = None
    labels: dict[str, tuple[float | None, ...]] | None = None

    @property
    def yardstick(self) -> float:
        """What the export is judged against: the control, or the original."""
        return self.float32 if self.control is None else self.control

    @property
    def yardstick_ratio(self) -> float | None:
        """Exported ÷ yardstick; None where that is 0."""
        return self.exported / self.yardstick if self.yardstick else None

    @classmethod
    def of(
        cls,
        float32: NDArray[np.float64],
        exported: NDArray[np.float64],
        control: NDArray[np.float64] | None = None,
        labels: NDArray[np.integer] | None = None,
    ) -> "Loss":
        """Derive everything from the losses of single images, each (n,), and their labels, (n,)."""
        before, after = float(float32.mean()), float(exported.mean())
        trained = None if control is None else float(control.mean())
        few = labels is not None and len(np.unique(labels)) <= _MOST_LABELS
        return cls(
            before,
            trained,
            after,
            after - (before if trained is None else trained),
            after / before if before else None,
            after / trained if trained else None,
            Worst(worst(float32), None if control is None else worst(control), worst(exported)),
            _by_label((float32, control, exported), labels) if few else None,  # type: ignore[arg-type]
        )


def _by_label(
    losses: tuple[NDArray[np.float64] | None, ...], labels: NDArray[np.integer]
) -> dict[str, tuple[float | None, ...]]:
    return {
        str(label): tuple(
            None if item is None else float(item[labels == label].mean()) for item in losses
        )
        for label in np.unique(labels)
    }
