"""The loss against the code's size, beside PCA's, as text."""

from collections.abc import Sequence

from edgeae.artifacts.model import Training
from edgeae.text.columns import align


def render(trainings: Sequence[Training]) -> str:
    """Return a line per size: MSE on the test images, PCA's at that size, and their ratio."""
    rows = [["code", "MSE", "PCA", "of PCA's"]]
    for training in sorted(trainings, key=lambda item: item.code_size):
        own, linear = training.losses["test"], training.yardsticks["pca"]["mse"]
        ratio = f"{own / linear:.2f}" if linear else ""
        rows.append([str(training.code_size), f"{own:.5f}", f"{linear:.5f}", ratio])
    return align(rows, left=0)
