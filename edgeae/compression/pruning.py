"""Pruning: fine-tuning during which the least important weights gradually become zeros.

The polynomial schedule is that of Zhu and Gupta, "To prune, or not to prune", 2017.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.constraints import Constrained
from edgeae.compression.fine_tuning import fine_tune_constrained
from edgeae.compression.kernels import Kernel, check_layers, wanted
from edgeae.compression.saliency import curvatures
from edgeae.data import Dataset
from edgeae.errors import OutOfTolerance
from edgeae.originals.keras_parts import clone
from edgeae.recipe import Prune

#: Share of the steps over which sparsity grows; in the remaining steps only the weights adapt.
RAMP = 0.4


def prune(model: Any, dataset: Dataset, settings: Prune, seed: int) -> Any:
    """Return a pruned and fine-tuned copy; `model` keeps its weights.

    Args:
        model: flat Keras model.
        dataset: images to fine-tune on.
        settings: sparsity, criterion, schedule, steps and learning rate.
        seed: seed for the image order.

    Raises:
        BadInput: the settings name a layer that the model lacks, or spare all layers.
    """
    check_layers(model, "prune", settings)
    copy = clone(model)
    pairs = wanted(copy, settings.sparsity, settings)
    importance: list[Any] = [1.0 for _ in pairs]
    if settings.criterion == "saliency":
        kernels = [kernel for kernel, _ in pairs]
        importance = [np.sqrt(item) for item in curvatures(copy, kernels, dataset, seed)]
    if settings.scope == "model":
        pairs = _over_all(pairs, importance, settings)
    constrained = [Constrained(kernel, sparse=True) for kernel, _ in pairs]
    grown = _schedule(settings)

    def between(step: int) -> None:
        for item, (_, share), factor in zip(constrained, pairs, importance, strict=True):
            item.prune(share * grown(step), factor)

    fine_tune_constrained(copy, constrained, dataset, settings, seed, "prune", between=between)
    return copy


def _over_all(
    pairs: Sequence[tuple[Kernel, float]],
    importance: Sequence[NDArray[np.float32]],
    settings: Prune,
) -> list[tuple[Kernel, float]]:
    """Return each kernel with the sparsity that it gets if all kernels are ranked together.

    Kernels with a sparsity of their own keep it and are left out of the ranking.
    """
    saliences = {
        kernel.name: np.abs(kernel.variable.numpy()) * factor
        for (kernel, _), factor in zip(pairs, importance, strict=True)
        if kernel.name not in settings.layers
    }
    if not saliences:
        return list(pairs)
    ranked = np.sort(np.concatenate([item.reshape(-1) for item in saliences.values()]))
    limit = ranked[math.ceil(settings.sparsity * ranked.size) - 1]
    return [
        (kernel, float(np.mean(saliences[kernel.name] <= limit)))
        if kernel.name in saliences
        else (kernel, share)
        for kernel, share in pairs
    ]


def _schedule(settings: Prune) -> Callable[[int], float]:
    """Return a function: number of the step → share of the final sparsity that is due by then."""
    if settings.schedule == "constant":
        return lambda step: 1.0
    ramp = settings.steps * RAMP
    return lambda step: 1 - (1 - min(step / ramp, 1.0)) ** 3


def check(model: Any, settings: Prune) -> None:
    """Check that the share of zeros is at least what the settings ask for.

    Raises:
        OutOfTolerance: there are fewer zeros; the message names the kernel, or "the model" if
            sparsity is set for the whole model.
    """
    whole: list[NDArray[np.bool_]] = []
    for kernel, share in wanted(model, settings.sparsity, settings):
        zeros = kernel.variable.numpy() == 0
        if settings.scope == "model" and kernel.name not in settings.layers:
            whole.append(zeros.reshape(-1))
        else:
            _check(kernel.name, float(zeros.mean()), settings.least(share, zeros.size))
    if whole:
        _check("the model", float(np.concatenate(whole).mean()), settings.sparsity)


def _check(name: str, zeros: float, share: float) -> None:
    if zeros < share:
        raise OutOfTolerance(f"{name}: {zeros:.2%} zeros after pruning, {share:.2%} asked")
