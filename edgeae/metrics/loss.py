"""What an export costs in reconstruction loss, and against which yardstick that is counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: `mean_loss` of MNIST's test images: tolerances are stated for data that gives as much to lose.
_MNIST = 0.067
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


def mean_loss(images: NDArray[np.floating]) -> float:
    """Return the MSE of answering each image, (n, …), with the mean of them all, in float64.

    That is what the images give to lose: a constant answer can do no better. It is exactly 0 where
    all images are alike.
    """
    rows = images.reshape(len(images), -1).astype(np.float64)
    rows -= rows[0].copy()  # images that are all alike become 0, whose mean has no rounding error
    return float(rows.var(axis=0).mean())


def loss_scale(dataset: Mapping[str, Any]) -> float:
    """Return how many times a tolerance's added loss is allowed on a manifest's `dataset`.

    `mean_loss` ÷ 0.067. An older manifest lacks that figure: there it is the square of the values'
    range, `span`. Images that are all alike give nothing to lose: their MSE counts in the values'
    own units, or by their range, whichever allows less.
    """
    known, square = dataset.get("mean_loss"), float(dataset.get("span", 1.0)) ** 2
    if known is None:
        return square
    return float(known) / _MNIST if known else min(square, 1.0)


def is_worse(loss: float, mean_loss: float) -> bool:
    """Tell whether a model with this MSE does worse than the mean of the images.

    Not where they are all alike: the least rounding error would do worse than their mean.
    """
    return loss > mean_loss > 0


@dataclass(frozen=True)
class Worst:
    """The 99th percentile of the MSE of single images.

    Attributes:
        float32, control, exported: the same models as in `Loss`.
    """

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
        worse_than_mean: whether the original does worse than the mean of the test images: see
            `is_worse`; false in old manifests.
    """

    float32: float
    control: float | None
    exported: float
    added: float
    ratio: float | None
    control_ratio: float | None
    p99: Worst | None = None
    labels: dict[str, tuple[float, float | None, float]] | None = None
    worse_than_mean: bool = False

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
        mean_loss: float = 0.0,
    ) -> "Loss":
        """Derive everything from the losses of single images, each (n,), and their labels, (n,).

        `mean_loss` is that of the same images; 0 where it is not known.
        """
        before, after = float(float32.mean()), float(exported.mean())
        trained = None if control is None else float(control.mean())
        if labels is not None and len(np.unique(labels)) > _MOST_LABELS:
            labels = None
        return cls(
            before,
            trained,
            after,
            after - (before if trained is None else trained),
            after / before if before else None,
            after / trained if trained else None,
            Worst(worst(float32), None if control is None else worst(control), worst(exported)),
            None if labels is None else _by_label(float32, control, exported, labels),
            is_worse(before, mean_loss),
        )


def _by_label(
    float32: NDArray[np.float64],
    control: NDArray[np.float64] | None,
    exported: NDArray[np.float64],
    labels: NDArray[np.integer],
) -> dict[str, tuple[float, float | None, float]]:
    found = {}
    for label in np.unique(labels):
        mine = labels == label
        trained = None if control is None else float(control[mine].mean())
        found[str(label)] = float(float32[mine].mean()), trained, float(exported[mine].mean())
    return found
