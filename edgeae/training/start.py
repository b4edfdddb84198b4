"""Where training starts: at the mean image, not at mid-grey."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Pixels that are always black would start at −∞.
_CLIP = 0.01


def start_at_mean(model: Any, images: NDArray[np.float32]) -> None:
    """Set the output layer's bias to the logit of the mean training image, in place.

    A sigmoid output that starts at 0.5 everywhere first learns to be dark, and saturates the code
    to get there; with a sigmoid or tanh code it then hardly learns at all.

    Args:
        model: its last layer with weights is a sigmoid, or nothing is done.
        images: (n, …) training images in [0, 1].
    """
    layer = next(layer for layer in reversed(model.layers) if layer.weights)
    if layer.get_config().get("activation") != "sigmoid":
        return
    kernel, bias = layer.get_weights()
    # a convolution has one bias per channel
    mean = images.reshape(-1, len(bias)).mean(axis=0, dtype=np.float64)
    mean = np.clip(mean, _CLIP, 1 - _CLIP)
    layer.set_weights([kernel, np.log(mean / (1 - mean)).astype(bias.dtype)])
