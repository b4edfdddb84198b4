"""Quantization-aware training that keeps zeros and clusters: QAT, PQAT, CQAT, PCQAT.

The forward pass rounds weights to the grids that the converter will choose, and activations to
grids whose ranges are initialized by a calibration. The result is a plain float model whose weights
lie on their grids. It is converted like any other model, so training and export cannot use
different schemes. tfmot's wrappers fix Dense layers to one scale, reject several activations, and
start their ranges at ±6.
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
#: Tolerance in steps of the grid, for the rounding errors of float32.
_OFF_GRID = 1e-3


def train_quantized(
    model: Any, dataset: Dataset, recipe: Recipe, calibration: NDArray[np.float32], seed: int
) -> Any:
    """Return a copy that was trained with int8 weights and activations; `model` keeps its weights.

    Args:
        model: flat Keras model, already pruned and clustered if the recipe has these steps.
        dataset: images to train on.
        recipe: `qat`, `quantization` and `per_channel` are used. Zeros are kept if the recipe
            prunes, and clusters if it clusters.
        calibration: (n, …) images that initialize the ranges of activations.
        seed: seed for the image order.

    Raises:
        OutOfTolerance: a kernel does not lie on its grid.
    """
    assert recipe.qat is not None
    copy = clone(model)
    if recipe.per_channel and recipe.cluster is None:  # equalizing would split clusters
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
    """Return the axes of a kernel that share a scale in the export; None for all axes."""
    return None if _few(kernel, clustered) else shared_axes(kernel, recipe)


def _check(kernel: Kernel, others: tuple[int, ...] | None) -> None:
    values = kernel.variable.numpy()
    step = np.abs(values).max() / grid_levels(_BITS)
    off = float(np.abs(values - on_grid(values, _BITS, others)).max())
    if off > _OFF_GRID * step:
        raise OutOfTolerance(f"{kernel.name}: weights {off:.3g} off the {_BITS}-bit grid")
