"""The tables that a training prints: its figures beside those of PCA and of the mean image."""

from collections.abc import Mapping, Sequence

from edgeae.artifacts.model import Training
from edgeae.text.columns import align

_NAMES = {"model": "model", "pca": "PCA, same code size", "mean": "mean image"}


def by_reference(yardsticks: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return a line each for the model and its references, then the MSE on shuffled images."""
    rows = [["", "MSE", "PSNR", "SSIM"]]
    for key, name in _NAMES.items():
        if key in yardsticks:
            rows.append([name, *_figures(yardsticks[key])])
    told = align(rows, left=1)
    shuffled = yardsticks.get("model", {}).get("shuffled")
    if shuffled is None:
        return told
    return f"{told}\nmodel on images with shuffled pixels: MSE {shuffled:.5f}"


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
