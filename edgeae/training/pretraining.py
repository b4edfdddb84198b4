"""Greedy layer-wise pretraining: each layer is first trained as an autoencoder of its input.

G. E. Hinton and R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
2006, with plain autoencoders (Y. Bengio et al., 2007) instead of Boltzmann machines.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.originals.legacy_keras import keras
from edgeae.training.fit import Budget, fit, reconstruct
from edgeae.training.journal import Journal
from edgeae.training.objective import Objective

#: Epochs of each layer's pretraining, as a share of the epochs of the whole model's training.
_SHARE = 0.1


def pretrain(
    model: Any,
    train: NDArray[np.float32],
    validation: NDArray[np.float32],
    budget: Budget,
    *,
    label: str,
    journal: Journal | None,
) -> float:
    """Pretrain the layers of a mirrored model of Dense layers, in place.

    Layer k and its mirror image are trained to reconstruct the output of layer k − 1. For the
    parameters see `fit`.

    Returns:
        the seconds that it took, summed over all processes that worked on it.

    Raises:
        BadInput: the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C, because the model is not complete yet.
    """
    layers = [layer for layer in model.layers if layer.weights]
    seconds = 0.0
    budget = dataclasses.replace(budget, epochs=max(1, round(budget.epochs * _SHARE)))
    for number in range(len(layers) // 2):
        first, last = layers[number], layers[-1 - number]
        image = keras.Input(train.shape[1:])
        pair = keras.Model(image, last(first(image)))
        result = fit(
            Objective(pair),
            train,
            validation,
            budget,
            label=f"{label}, layer {number + 1}",
            journal=journal,
            stage=f"layer-{number + 1}",
        )
        if result.interrupted:
            raise KeyboardInterrupt
        seconds += result.seconds
        half = keras.Model(image, first(image))
        train, validation = reconstruct(half, train), reconstruct(half, validation)
    return seconds
