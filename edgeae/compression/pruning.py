"""Magnitude pruning by fine-tuning, with tfmot."""

from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot

from edgeae.data import Dataset
from edgeae.errors import OutOfTolerance
from edgeae.keras_parts import clone
from edgeae.recipe import Prune
from edgeae.training.fit import Budget, fit
from edgeae.training.objective import Objective

__all__ = ["fine_tune", "prune"]

_BATCH = 128
#: The share of the steps over which sparsity grows; the rest let the weights that are left settle.
_RAMP = 0.3
#: tfmot's default of 100 steps prunes nothing at all in a short run.
_UPDATE_EVERY = 10


def prune(model: Any, dataset: Dataset, settings: Prune, seed: int) -> Any:
    """Return a pruned and fine-tuned copy; `model` keeps its weights.

    Args:
        model: flat Keras model.
        dataset: what to fine-tune on.
        settings: sparsity, steps and learning rate.
        seed: of the images' order.

    Raises:
        OutOfTolerance: a weight matrix did not reach the sparsity.
    """
    pruning = tfmot.sparsity.keras
    schedule = pruning.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=settings.sparsity,
        begin_step=0,
        end_step=int(settings.steps * _RAMP),
        frequency=_UPDATE_EVERY,
    )
    wrapped = pruning.prune_low_magnitude(clone(model), pruning_schedule=schedule)
    _fit(wrapped, dataset, settings, seed, "prune", [pruning.UpdatePruningStep()])
    # stripped layers still hang in the wrapped graph; cutting by `layer.output` needs a clean one
    pruned = clone(pruning.strip_pruning(wrapped))
    _check(pruned, settings.sparsity)
    return pruned


def fine_tune(model: Any, dataset: Dataset, settings: Prune, seed: int) -> Any:
    """Return the equal-budget control: a copy trained as `prune` does, without the pruning."""
    control = clone(model)
    _fit(control, dataset, settings, seed, "control", [])
    return control


def _fit(
    model: Any, dataset: Dataset, settings: Prune, seed: int, label: str, callbacks: list[Any]
) -> None:
    shape = tuple(model.input_shape[1:])
    fit(
        Objective(model),
        dataset.images("train", shape),
        dataset.images("validation", shape),
        Budget(1, _BATCH, settings.learning_rate, seed, steps=settings.steps),
        label=label,
        keep_best=False,
        callbacks=callbacks,
    )


def _check(model: Any, sparsity: float) -> None:
    for weight in model.weights:
        values = weight.numpy()
        # tfmot prunes no depthwise kernels, which are few
        if values.ndim < 2 or "depthwise_kernel" in weight.name:
            continue
        zeros = float(np.mean(values == 0))
        if zeros < sparsity - 1 / values.size:
            raise OutOfTolerance(
                f"{weight.name}: {zeros:.1%} zeros after pruning, {sparsity:.1%} asked"
            )
