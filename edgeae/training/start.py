"""Where training starts: at the mean image, not at mid-grey."""

from typing import Any

import numpy as np

from edgeae.data import Dataset

__all__ = ["start_at_mean"]

#: Pixels that are always black would start at −∞.
_CLIP = 0.01


def start_at_mean(model: Any, dataset: Dataset) -> None:
    """Set the output layer's bias to the logit of the mean training image, in place.

    A sigmoid output that starts at 0.5 everywhere first learns to be dark, and saturates the code
    to get there; with a sigmoid or tanh code it then hardly learns at all.
    """
    layer = model.layers[-1]
    if layer.get_config().get("activation") != "sigmoid":
        return
    mean = dataset.images("train", (dataset.width,)).mean(axis=0, dtype=np.float64)
    mean = np.clip(mean, _CLIP, 1 - _CLIP)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, np.log(mean / (1 - mean)).astype(bias.dtype).reshape(bias.shape)])
