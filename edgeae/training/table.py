"""The tables of trainings: their figures beside those of PCA and of the mean image."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.data import MNIST_ARRAYS_SHA256
from edgeae.families.table import FAMILIES
from edgeae.text.columns import align

_NAMES = {"model": "model", "pca": "PCA, same code size", "mean": "mean"}
#: The most columns of a table whose losses are printed; `train.json` has all.
_MOST_COLUMNS = 5
_ZOO_HEADER = (
    *("model", "code", "parameters", "test MSE", "PSNR", "SSIM", "PCA", "mean image"),
    *("epochs", "seconds"),
)


def by_reference(references: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return a line each for the model and its references, then the MSE on shuffled images.

    Without any SSIM the rows are no pictures, and are not called so.
    """
    pictures = any(row["ssim"] is not None for row in references.values())
    item, parts = ("image", "pixels") if pictures else ("row", "values")
    rows = [["", "MSE", "PSNR", *(["SSIM"] if pictures else [])]]
    for key, name in _NAMES.items():
        if key in references:
            label = f"{name} {item}" if key == "mean" else name
            rows.append([label, *_figures(references[key])[: len(rows[0]) - 1]])
    table = align(rows, left=1)
    shuffled = references.get("model", {}).get("shuffled")
    if shuffled is None:
        return table
    return f"{table}\nmodel on {item}s with shuffled {parts}: MSE {shuffled:.5f}"


def by_column(losses: Mapping[str, Mapping[str, float]]) -> str:
    """Return a line each for the columns that are reconstructed worst, relative to their spread.

    Args:
        losses: `column_losses` of a training.
    """
    ordered = sorted(losses.items(), key=lambda item: _share(item[1]), reverse=True)
    rows = [["column", "RMSE", "of the mean's"]]
    for name, row in ordered[:_MOST_COLUMNS]:
        rows.append([name, f"{row['model']:.4g}", f"{_share(row):.1%}"])
    more = len(losses) - _MOST_COLUMNS
    table = align(rows, left=1)
    return f"{table}\nand {more} columns with less of the mean's error" if more > 0 else table


def _share(row: Mapping[str, float]) -> float:
    """Return a column's error ÷ that of answering with its mean; 0 for a constant column."""
    return row["model"] / row["mean"] if row["mean"] else 0.0


def by_code_size(trainings: Sequence[Training]) -> str:
    """Return a line per code size: test MSE of the model and of PCA, and their ratio."""
    rows = [["code", "MSE", "PCA", "of PCA's"]]
    for training in sorted(trainings, key=lambda item: item.code_size):
        own, linear = training.losses["test"], training.yardsticks["pca"]["mse"]
        ratio = f"{own / linear:.2f}" if linear else ""
        rows.append([str(training.code_size), f"{own:.5f}", f"{linear:.5f}", ratio])
    return align(rows, left=0)


def _figures(row: Mapping[str, float | None]) -> list[str]:
    mse, psnr, ssim = row["mse"], row["psnr"], row["ssim"]
    return [
        "" if mse is None else f"{mse:.5f}",
        "exact" if psnr is None else f"{psnr:.1f} dB",
        "" if ssim is None else f"{ssim:.4f}",
    ]


def zoo_figures(training: Training) -> dict[str, Any]:
    """Return a model's figures in the zoo, as JSON types."""
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


def zoo_misses(trainings: Sequence[Training]) -> list[str]:
    """Return a line per model whose MSE on MNIST exceeds its family's limit."""
    lines = []
    for training in trainings:
        limit, loss = FAMILIES[training.family].mnist, training.losses["test"]
        if limit is None or training.dataset["sha256"] != MNIST_ARRAYS_SHA256:
            continue
        if loss > limit:
            lines.append(f"{training.model}: test MSE {loss:.5f}, allowed on MNIST is {limit:.4f}")
    return lines


def zoo_table(trainings: Sequence[Training]) -> str:
    """Return the zoo's table, a line per model, in the given order."""
    return align([_ZOO_HEADER, *map(_zoo_row, trainings)], left=1)


def _zoo_row(training: Training) -> list[str]:
    row = zoo_figures(training)
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
