"""A flat Keras model computed as its int8 export will be: activations are rounded to int8 grids.

Rounding is at the points where the TFLite converter quantizes: after each operator and its fused
activation, but not after operators that only move values. Benoit et al., "Quantization and Training
of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.wiring import sources, uses
from edgeae.metrics.quantization import saturation
from edgeae.originals.legacy_keras import tf

#: Layers that only move values: their output has the grid of their input.
_MOVING = (
    "InputLayer",
    "Flatten",
    "Reshape",
    "Permute",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "Cropping1D",
    "Cropping2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Dropout",
)
#: Activations that TFLite fuses into the operator before them.
_FUSED = ("relu", "relu6", "linear")
#: Activations whose TFLite kernels prescribe the grid: name → least and largest value.
_FIXED = {
    "sigmoid": (0.0, 255 / 256),
    "softmax": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
}
#: Decay of the moving average of the ranges, per batch.
_DECAY = 0.99
_BITS = 8


@dataclass
class _Range:
    """Least and largest value at a point of the graph, as variables."""

    least: Any
    most: Any


#: Called at each point that is quantized with the point's name, the tensor, and optionally the
#: largest magnitude that the range may have; returns the tensor to continue with.
_At = Callable[..., Any]


class QuantizedGraph:
    """Computes a model with quantized activations.

    Args:
        model: flat Keras model with one input and one output.
        images: (n, …) images whose activations initialize the ranges.
    """

    def __init__(self, model: Any, images: NDArray[np.float32]) -> None:
        self._model = model
        self._sources = sources(model)
        self._fused = _fused(model)
        self._ranges: dict[str, _Range] = {}

        def look(point: str, x: Any, limit: float = math.inf) -> Any:
            ends = (tf.Variable(end, trainable=False) for end in _ends(x, limit))
            self._ranges[point] = _Range(*ends)
            return x

        self._walk(tf.constant(images), look)

    @property
    def variables(self) -> list[Any]:
        """The variables of the ranges."""
        return [item for bounds in self._ranges.values() for item in (bounds.least, bounds.most)]

    def __call__(self, images: Any, *, follow: bool) -> Any:
        """Return the model's output; `follow` moves the ranges towards those of these images."""

        def quantized(point: str, x: Any, limit: float = math.inf) -> Any:
            bounds = self._ranges[point]
            if follow:
                for variable, end in zip((bounds.least, bounds.most), _ends(x, limit), strict=True):
                    variable.assign_add((1 - _DECAY) * (tf.stop_gradient(end) - variable))
            return _on_grid(x, bounds.least, bounds.most)

        return self._walk(images, quantized)

    def _walk(self, images: Any, at: _At) -> Any:
        values: dict[str, Any] = {}
        for layer in self._model.layers:
            kind = type(layer).__name__
            if kind == "InputLayer":
                values[layer.name] = images  # 8-bit pixels are already on the grid
                continue
            inputs = [values[name] for name in self._sources[layer.name]]
            given = inputs[0] if len(inputs) == 1 else inputs
            values[layer.name] = self._layer(layer, kind, given, at)
        return values[self._model.output_names[0]]

    def _layer(self, layer: Any, kind: str, given: Any, at: _At) -> Any:
        name = layer.name
        activation = _activation(layer)
        if kind in _MOVING:
            return layer(given, training=False)
        if activation in _FUSED or activation is None:
            answer = layer(given, training=False)
            return answer if name in self._fused else at(name, answer)
        if kind in ("Activation", "Softmax"):  # its input is already on a grid
            return self._activated(name, activation, layer(given, training=False), at)
        function = layer.activation
        limit = saturation(activation, "int8")
        vars(layer)["activation"] = lambda x: function(at(f"{name} before", x, limit))
        try:
            answer = layer(given, training=False)
        finally:
            vars(layer)["activation"] = function
        return self._activated(name, activation, answer, at)

    def _activated(self, name: str, activation: str, x: Any, at: _At) -> Any:
        if activation in _FIXED:
            return _on_grid(x, *map(tf.constant, _FIXED[activation]))
        return at(name, x)


def _ends(x: Any, limit: float) -> tuple[Any, Any]:
    """Return the least and largest value; the range is extended to 0, which is on every grid."""
    return (
        tf.clip_by_value(tf.reduce_min(x), -limit, 0.0),
        tf.clip_by_value(tf.reduce_max(x), 0.0, limit),
    )


def _on_grid(x: Any, least: Any, most: Any) -> Any:
    return tf.quantization.fake_quant_with_min_max_vars(
        x, tf.stop_gradient(least), tf.stop_gradient(most), num_bits=_BITS
    )


def _activation(layer: Any) -> str | None:
    """Return the name of a layer's activation, or None if the layer has none."""
    if type(layer).__name__ == "ReLU":
        return "relu"
    function = getattr(layer, "activation", None)
    if function is None:
        return "softmax" if type(layer).__name__ == "Softmax" else None
    return str(getattr(function, "__name__", type(function).__name__))


def _fused(model: Any) -> set[str]:
    """Return the layers that TFLite fuses with the activation layer that follows them.

    The output of such a layer is not rounded to a grid before the activation.
    """
    reads, read = sources(model), uses(model)
    return {
        reads[layer.name][0]
        for layer in model.layers
        if type(layer).__name__ in ("Activation", "ReLU")
        and _activation(layer) in _FUSED
        and read[reads[layer.name][0]] == 1
    }
