"""The zoo as a table: what each family reached, beside PCA with its code size."""

from collections.abc import Sequence
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.data import MNIST_ARRAYS_SHA256
from edgeae.families.table import FAMILIES
from edgeae.text.columns import align

_HEADER = (
    *("model", "code", "parameters", "test MSE", "PSNR", "SSIM", "PCA", "mean image"),
    *("epochs", "seconds"),
)


def figures(training: Training) -> dict[str, Any]:
    """Return what a row tells, as JSON types."""
    own = training.yardsticks["model"]
    return {
        "model": training.model,
        "code": training.code_size,
        "parameters": training.parameters,
        "mse": training.losses["test"],
        "psnr": own["psnr"],
        "ssim": own["ssim"],
        "pca_mse": training.yardsticks["pca"]["mse"],
        "mean_mse": training.yardsticks["mean"]["mse"],
        "epochs": len(training.curve),
        "seconds": training.seconds,
    }


def misses(trainings: Sequence[Training]) -> list[str]:
    """Return a line per model that does not reach what its family must on MNIST."""
    told = []
    for training in trainings:
        limit, found = FAMILIES[training.family].mnist, training.losses["test"]
        if training.dataset["sha256"] == MNIST_ARRAYS_SHA256 and found > limit:
            told.append(f"{training.model}: test MSE {found:.5f}, allowed on MNIST is {limit:.4f}")
    return told


def render(trainings: Sequence[Training]) -> str:
    """Return a line per model, in the order given."""
    return align([_HEADER, *map(_row, trainings)], left=1)


def _row(training: Training) -> list[str]:
    row = figures(training)
    return [
        training.model,
        str(row["code"]),
        f"{row['parameters']:,}",
        f"{row['mse']:.5f}",
        "" if row["psnr"] is None else f"{row['psnr']:.1f} dB",
        "" if row["ssim"] is None else f"{row['ssim']:.4f}",
        *(f"{row[key]:.5f}" for key in ("pca_mse", "mean_mse")),
        str(row["epochs"]),
        f"{row['seconds']:.0f}",
    ]
