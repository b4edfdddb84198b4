"""Magnitude pruning by fine-tuning, with tfmot."""

from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot

from edgeae.compression.fine_tuning import fine_tune
from edgeae.compression.kernels import check_layers, wanted
from edgeae.data import Dataset
from edgeae.errors import OutOfTolerance
from edgeae.keras_parts import clone
from edgeae.legacy_keras import keras
from edgeae.recipe import Prune
from edgeae.training.objective import Objective

__all__ = ["check", "prune"]

#: The share of the steps over which sparsity grows; the rest let the weights that are left settle.
_RAMP = 0.3
#: tfmot's default of 100 steps prunes nothing at all in a short run.
_UPDATE_EVERY = 10


def prune(model: Any, dataset: Dataset, settings: Prune, seed: int) -> Any:
    """Return a pruned and fine-tuned copy; `model` keeps its weights.

    Args:
        model: flat Keras model.
        dataset: what to fine-tune on.
        settings: sparsity, schedule, steps and learning rate.
        seed: of the images' order.

    Raises:
        BadInput: a layer is named that is not there.
    """
    check_layers(model, "prune.layers", list(settings.layers))
    pruning = tfmot.sparsity.keras
    shares = {
        kernel.name: share for kernel, share in wanted(model, settings.sparsity, settings.layers)
    }

    def wrap(layer: Any) -> Any:
        if layer.name not in shares:
            return layer
        schedule = _schedule(settings, shares[layer.name])
        return pruning.prune_low_magnitude(layer, pruning_schedule=schedule)

    wrapped = keras.models.clone_model(clone(model), clone_function=wrap)
    callbacks = [pruning.UpdatePruningStep()]
    fine_tune(Objective(wrapped), dataset, settings, seed, "prune", callbacks)
    # stripped layers still hang in the wrapped graph; cutting by `layer.output` needs a clean one
    return clone(pruning.strip_pruning(wrapped))


def _schedule(settings: Prune, sparsity: float) -> Any:
    schedules = tfmot.sparsity.keras
    if settings.schedule == "constant":
        return schedules.ConstantSparsity(sparsity, begin_step=0, frequency=_UPDATE_EVERY)
    return schedules.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=sparsity,
        begin_step=0,
        end_step=int(settings.steps * _RAMP),
        frequency=_UPDATE_EVERY,
    )


def check(model: Any, settings: Prune) -> None:
    """Assert that each pruned kernel holds the zeros that it should.

    Raises:
        OutOfTolerance: names the kernel.
    """
    for kernel, share in wanted(model, settings.sparsity, settings.layers):
        values = kernel.variable.numpy()
        zeros = float(np.mean(values == 0))
        # tfmot keeps a whole number of weights
        if zeros < share - 1 / values.size:
            raise OutOfTolerance(
                f"{kernel.name}: {zeros:.1%} zeros after pruning, {share:.1%} asked"
            )
