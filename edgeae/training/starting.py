"""Where a training starts: at the mean of the training images, or at their principal components."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.training.linear import pca

#: Means are clipped by this, because the logit of a pixel that is always black is −∞.
_CLIP = 0.01

Values = NDArray[np.float64]


def start_at_mean(model: Any, images: NDArray[np.float32]) -> None:
    """Set the output layer's bias so that the model starts at the mean training image, in place.

    A model whose output starts at 0.5 everywhere first learns the mean brightness, which saturates
    the code; with a sigmoid or tanh code it then hardly learns more.

    Args:
        model: Keras model; it is unchanged if its last layer with weights is neither linear nor a
            sigmoid.
        images: (n, …) training images; in [0, 1] if the output is a sigmoid.
    """
    layer = next(layer for layer in reversed(model.layers) if layer.weights)
    bias_of = _BIAS.get(layer.get_config().get("activation"))
    if bias_of is None:
        return
    kernel, bias = layer.get_weights()
    # a convolution has one bias per channel, and a sub-pixel convolution repeats the channels
    mean = images.reshape(-1, images.shape[-1]).mean(axis=0, dtype=np.float64)
    mean = np.tile(mean, len(bias) // len(mean))
    layer.set_weights([kernel, bias_of(mean).astype(bias.dtype)])


def _logit(mean: Values) -> Values:
    clipped = np.clip(mean, _CLIP, 1 - _CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _same(mean: Values) -> Values:
    return mean


#: Activation of the output layer → the bias that gives a mean.
_BIAS: dict[str | None, Callable[[Values], Values]] = {"sigmoid": _logit, "linear": _same}


def start_at_components(model: Any, images: NDArray[np.float32]) -> None:
    """Give a model of Dense layers the weights with which it equals PCA, in place.

    A small table has too few rows to find its principal components by gradient descent before the
    model overfits. From PCA on, training can only gain: M. Al-Digeil et al., "PCA-Boosted
    Autoencoders for Nonlinear Dimensionality Reduction in Low Data Regimes", 2022.

    A hidden layer of ReLU passes a value v on as the pair relu(v) and relu(−v), whose difference is
    v. Its other units keep their random weights; no layer reads them at first.

    Args:
        model: width → hidden … → code → … hidden → width; code and output are linear. It is
            unchanged if a hidden layer has fewer than two units per value of the code, or another
            activation than ReLU.
        images: (n, width) training images.
    """
    layers = [layer for layer in model.layers if layer.weights]
    middle = len(layers) // 2
    hidden = [*layers[: middle - 1], *layers[middle:-1]]
    code = layers[middle - 1].units
    if any(item.activation.__name__ != "relu" or item.units < 2 * code for item in hidden):
        return
    linear = pca(images, code)
    components = linear.components @ _spread(linear.components.shape[1])
    size = components.shape[1]
    passing = [(np.eye(size), np.zeros(size))] * (middle - 1)
    _assign(layers[:middle], [(components, -linear.mean @ components), *passing])
    _assign(layers[middle:], [*passing, (components.T, linear.mean)])


def _spread(size: int) -> Values:
    """Return the orthonormal matrix of the discrete cosine transform, (size, size).

    Each of its outputs has an equal share of the first component. Principal components themselves
    have very different ranges, of which a grid of one scale, that of int8, only fits the largest.
    """
    row, column = np.arange(size)[:, None], np.arange(size)
    cosines = np.cos(np.pi * row * (2 * column + 1) / (2 * size)) * math.sqrt(2 / size)
    cosines[0] = 1 / math.sqrt(size)
    return np.asarray(cosines)


def _assign(layers: list[Any], maps: Iterable[tuple[Values, Values]]) -> None:
    """Give a stack of layers the weights with which it computes maps (x·matrix + shift) in turn."""
    for layer, (matrix, shift) in zip(layers, maps, strict=True):
        kernel, bias = layer.get_weights()
        given = matrix if layer is layers[0] else np.concatenate([matrix, -matrix])
        pairs = layer is not layers[-1]
        given = np.hstack([given, -given]) if pairs else given
        rows, columns = given.shape
        kernel[:, :columns] = 0
        kernel[:rows, :columns] = given
        bias[:columns] = np.concatenate([shift, -shift]) if pairs else shift
        layer.set_weights([kernel, bias])
