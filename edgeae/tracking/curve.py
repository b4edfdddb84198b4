"""A training's curve under the names that TensorBoard and MLflow group: `loss/training`, …."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgeae.families.settings import FINAL_RATE
from edgeae.families.table import ALWAYS, FAMILIES

TRAINING, VALIDATION, TEST = "loss/training", "loss/validation", "loss/test"
RATE = "learning_rate"
#: Keys of an epoch in `train.json` → names here; each further key is a term of the loss.
_NAMES = {"loss": TRAINING, "validation_loss": VALIDATION}


def epochs(
    configuration: Mapping[str, Any], curve: Sequence[Mapping[str, float]]
) -> Iterator[dict[str, float]]:
    """Yield each epoch's figures by name.

    Args:
        configuration: the training's settings; `learning_rate` and `epochs` are used.
        curve: the epochs so far, as in `train.json`. The terms of the loss are left out if there is
            only one, which is the loss itself.
    """
    first, total = configuration["learning_rate"], configuration["epochs"]
    for number, row in enumerate(curve, 1):
        terms = row.keys() - _NAMES.keys()
        figures = {name: row[key] for key, name in _NAMES.items() if key in row}
        if len(terms) > 1:
            figures |= {f"terms/{key}": row[key] for key in sorted(terms)}
        yield {**figures, RATE: rate_after(number, first, total)}


def rate_after(epoch: int, first: float, epochs: int) -> float:
    """Return the learning rate at the end of an epoch, counted from 1: cosine decay.

    Args:
        epoch: the epoch.
        first: the rate of the first step.
        epochs: number of epochs of the whole training.
    """
    cosine = 0.5 * (1 + math.cos(math.pi * epoch / epochs))
    return first * ((1 - FINAL_RATE) * cosine + FINAL_RATE)


def chosen(configuration: Mapping[str, Any]) -> dict[str, str | float | bool]:
    """Return the settings that the training's family has, each as a number, a bool or a text.

    Args:
        configuration: the settings, as in `train.json`. What a family's rule chose is left out.
    """
    family = str(configuration["family"])
    keys = (*ALWAYS, *(key for key in FAMILIES[family].options if key not in ALWAYS))
    found = {"family": family, **{key: configuration.get(key) for key in keys}}
    return {
        key: ",".join(map(str, value)) if isinstance(value, list | tuple) else value
        for key, value in found.items()
        if value is not None
    }
