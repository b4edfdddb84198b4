"""Greedy stacking: each layer is first trained as a small autoencoder of what reaches it.

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

#: Each layer gets this share of the epochs that follow for all of them together.
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
    """Give the layers of a mirrored model of Dense layers their first weights, in place.

    Layer k and its mirror image are trained to reproduce what the layers before k make of the
    images. Returns the seconds that it took, in all the processes that worked on it.

    Raises:
        BadInput: the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C; there is no whole model yet.
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
