"""The table that a training ends with: the model, PCA and the mean image."""

from collections.abc import Mapping

from edgeae.text.columns import align

_NAMES = {"model": "model", "pca": "PCA, same code size", "mean": "mean image"}


def render(yardsticks: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return a line per yardstick: MSE, PSNR and SSIM; then what shuffled images give."""
    rows = [["", "MSE", "PSNR", "SSIM"]]
    for key, name in _NAMES.items():
        if key in yardsticks:
            rows.append([name, *_figures(yardsticks[key])])
    told = align(rows, left=1)
    shuffled = yardsticks.get("model", {}).get("shuffled")
    if shuffled is None:
        return told
    return f"{told}\nmodel on images with shuffled pixels: MSE {shuffled:.5f}"


def _figures(row: Mapping[str, float | None]) -> list[str]:
    mse, psnr, ssim = row["mse"], row["psnr"], row["ssim"]
    return [
        "" if mse is None else f"{mse:.5f}",
        "exact" if psnr is None else f"{psnr:.1f} dB",
        "" if ssim is None else f"{ssim:.4f}",
    ]
