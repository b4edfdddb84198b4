"""The zoo as a table: each family's figures beside those of PCA with the same code size."""

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
    """Return a row's figures, as JSON types."""
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
    """Return a line per model whose MSE on MNIST exceeds its family's limit."""
    sentences = []
    for training in trainings:
        limit, loss = FAMILIES[training.family].mnist, training.losses["test"]
        if training.dataset["sha256"] == MNIST_ARRAYS_SHA256 and loss > limit:
            sentences.append(
                f"{training.model}: test MSE {loss:.5f}, allowed on MNIST is {limit:.4f}"
            )
    return sentences


def render(trainings: Sequence[Training]) -> str:
    """Return the table, a line per model, in the given order."""
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
