"""The reconstruction loss of an export, compared with that of the original or of the control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: `mean_loss` of MNIST's test images: tolerances are stated for data with this `mean_loss`.
_MNIST = 0.067
_WORST = 99.0
#: Images whose errors are computed at once.
_AT_ONCE = 500
#: If there are more distinct labels than this, they are not classes.
_MOST_LABELS = 100


def squared_errors(
    reconstruction: NDArray[np.floating], images: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the squared error of each value, shape (n, values), float64; see `image_losses`."""
    errors: NDArray[np.float64] = np.square(
        reconstruction.reshape(len(images), -1).astype(np.float64)
        - images.reshape(len(images), -1).astype(np.float64)
    )
    return errors


def image_losses(
    reconstruction: NDArray[np.floating], images: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return each image's MSE, shape (n,), accumulated in float64.

    Both arrays hold n images of the same number of values; their shapes may differ otherwise.
    """
    losses = np.empty(len(images))
    for start in range(0, len(images), _AT_ONCE):  # the errors of all of them are float64
        at = slice(start, start + _AT_ONCE)
        losses[at] = squared_errors(reconstruction[at], images[at]).mean(axis=1)
    return losses


def worst(losses: NDArray[np.float64]) -> float:
    """Return the 99th percentile of the images' losses: the lowest of the worst percent."""
    return float(np.percentile(losses, _WORST))


def mean_loss(images: NDArray[np.floating]) -> float:
    """Return the MSE of answering each image, (n, …), with the mean of all images, in float64.

    No constant answer has a lower MSE. The result is exactly 0 if all images are equal.
    """
    rows = images.reshape(len(images), -1).astype(np.float64)
    rows -= rows[0].copy()  # equal images become 0, whose mean has no rounding error
    return float(rows.var(axis=0).mean())


def loss_scale(dataset: Mapping[str, Any]) -> float:
    """Return the factor by which a tolerance's added loss is scaled on a manifest's `dataset`.

    The factor is `mean_loss` ÷ 0.067. In an older manifest without `mean_loss`, it is the square of
    the values' range, `span`. If all images are equal, `mean_loss` is 0; the factor is then 1 or
    the square of the range, whichever is smaller.
    """
    stated, square = dataset.get("mean_loss"), float(dataset.get("span", 1.0)) ** 2
    if stated is None:
        return square
    return float(stated) / _MNIST if stated else min(square, 1.0)


def is_worse(loss: float, mean_loss: float) -> bool:
    """Return whether a model with this MSE is worse than answering with the mean of the images.

    False if all images are equal, because then even a rounding error is worse than the mean.
    """
    return loss > mean_loss > 0


@dataclass(frozen=True)
class Worst:
    """The 99th percentile of the images' MSE.

    Attributes:
        float32, control, exported: the same models as in `Loss`.
    """

    float32: float
    control: float | None
    exported: float

    @property
    def yardstick(self) -> float:
        """The reference that the export is compared with: the control, or the original."""
        return self.float32 if self.control is None else self.control


@dataclass(frozen=True)
class Loss:
    """MSE of the whole autoencoder on the test images.

    Attributes:
        float32: MSE of the original; for a bundle as is, which has no original, equal to
            `exported`.
        control: MSE of the equal-budget control: the original trained for as many more steps as the
            recipe fine-tunes, on the same schedules; None without fine-tuning.
        exported: MSE of decoder(encoder(x)) of the exported `.tflite`, on the reference kernels;
            for a bundle as is, on the bundle's reference runtime.
        added: exported − control; without fine-tuning, exported − float32.
        ratio: exported ÷ float32; None if float32 is 0.
        control_ratio: exported ÷ control; None without a control, or if it is 0.
        p99: 99th percentile of the images' MSE of the same three models; None in old manifests.
        labels: label → MSE of its images, as [float32, control, exported]; None without labels, or
            with more than 100 distinct labels.
        worse_than_mean: whether the original is worse than answering with the mean of the test
            images, see `is_worse`; false in old manifests.
        columns: column of a table → root mean squared errors in the column's unit: `mean`, that of
            answering with the column's mean, `float32` and `exported`; None, and absent from
            manifests, if the columns have no names.
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
    columns: dict[str, dict[str, float]] | None = None

    @property
    def yardstick(self) -> float:
        """The reference loss that the export is compared with: the control's, or the original's."""
        return self.float32 if self.control is None else self.control

    @property
    def yardstick_ratio(self) -> float | None:
        """Exported ÷ reference loss; None if the reference loss is 0."""
        return self.exported / self.yardstick if self.yardstick else None

    @classmethod
    def of(
        cls,
        float32: NDArray[np.float64],
        exported: NDArray[np.float64],
        control: NDArray[np.float64] | None = None,
        labels: NDArray[np.integer] | None = None,
        mean_loss: float = 0.0,
        columns: dict[str, dict[str, float]] | None = None,
    ) -> "Loss":
        """Derive all figures from the images' losses.

        Args:
            float32: loss of each image with the original, shape (n,).
            exported: loss of each image with the export, shape (n,).
            control: loss of each image with the equal-budget control, shape (n,), or None.
            labels: label of each image, shape (n,), or None.
            mean_loss: `mean_loss` of the same images; 0 if it is not known.
            columns: see `Loss`.
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
            columns or None,
        )


def _by_label(
    float32: NDArray[np.float64],
    control: NDArray[np.float64] | None,
    exported: NDArray[np.float64],
    labels: NDArray[np.integer],
) -> dict[str, tuple[float, float | None, float]]:
    losses = {}
    for label in np.unique(labels):
        mine = labels == label
        trained = None if control is None else float(control[mine].mean())
        losses[str(label)] = float(float32[mine].mean()), trained, float(exported[mine].mean())
    return losses
