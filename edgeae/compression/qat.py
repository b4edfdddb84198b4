"""Quantization-aware training, which keeps zeros and clusters: QAT, PQAT, CQAT, PCQAT.

The forward pass rounds weights to the grids that the converter will choose, and activations to
grids whose ranges start at those of a calibration. What is exported is a plain float model whose
weights lie on their grids; it is converted as any other, so that training and export cannot
disagree on a scheme. tfmot's wrappers fix Dense layers to one scale, refuse several activations,
and start their ranges at ±6.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.constraints import Constrained, grid_levels, on_grid
from edgeae.compression.equalization import equalize
from edgeae.compression.fine_tuning import fine_tune_constrained
from edgeae.compression.kernels import Kernel, kernels, shared_axes, wanted
from edgeae.compression.quantized_graph import QuantizedGraph
from edgeae.data import Dataset
from edgeae.errors import OutOfTolerance
from edgeae.originals.keras_parts import clone
from edgeae.recipe import Recipe

_BITS = 8
#: Of a weight's scale: float32 arithmetic on the way to the grid and back.
_OFF_GRID = 1e-3


def train_quantized(
    model: Any, dataset: Dataset, recipe: Recipe, calibration: NDArray[np.float32], seed: int
) -> Any:
    """Return a copy trained for the recipe's integers; `model` keeps its weights.

    Args:
        model: flat Keras model, pruned and clustered already if the recipe says so.
        dataset: what to train on.
        recipe: `qat`, `quantization` and `per_channel` are used; zeros are kept if it prunes, and
            clusters if it clusters.
        calibration: (n, …) images that the activations' ranges start at.
        seed: of the images' order.

    Raises:
        OutOfTolerance: a kernel does not lie on its grid.
    """
    assert recipe.qat is not None
    copy = clone(model)
    if recipe.per_channel and recipe.cluster is None:  # clusters would be torn apart
        equalize(copy, calibration)
    clustered = _clustered(copy, recipe)
    constrained = [_constrained(kernel, recipe, clustered) for kernel in kernels(copy)]
    graph = QuantizedGraph(copy, calibration)
    fine_tune_constrained(copy, constrained, dataset, recipe.qat, seed, "qat", graph=graph)
    for kernel in kernels(copy):
        _check(kernel, _shares(kernel, recipe, clustered))
    return copy


def _clustered(model: Any, recipe: Recipe) -> set[str]:
    if recipe.cluster is None:
        return set()
    return {kernel.name for kernel, _ in wanted(model, recipe.cluster.clusters, recipe.cluster)}


def _constrained(kernel: Kernel, recipe: Recipe, clustered: set[str]) -> Constrained:
    few = _few(kernel, clustered)
    made = Constrained(
        kernel,
        sparse=recipe.prune is not None,
        values=np.unique(kernel.variable.numpy()) if few else None,
        bits=_BITS,
        per_channel=_shares(kernel, recipe, clustered) is not None,
    )
    made.settle(1.0)
    made.fix(1.0)
    return made


def _few(kernel: Kernel, clustered: set[str]) -> bool:
    return kernel.name in clustered and not kernel.depthwise


def _shares(kernel: Kernel, recipe: Recipe, clustered: set[str]) -> tuple[int, ...] | None:
    """Return the axes that share a scale, as in the export; None for all."""
    return None if _few(kernel, clustered) else shared_axes(kernel, recipe)


def _check(kernel: Kernel, others: tuple[int, ...] | None) -> None:
    values = kernel.variable.numpy()
    step = np.abs(values).max() / grid_levels(_BITS)
    off = float(np.abs(values - on_grid(values, _BITS, others)).max())
    if off > _OFF_GRID * step:
        raise OutOfTolerance(f"{kernel.name}: weights {off:.3g} off the {_BITS}-bit grid")
