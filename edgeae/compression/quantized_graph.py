"""A flat Keras model computed as its integer export will be: activations on int8 grids.

The grids stand where the TFLite converter puts them: behind each operator, but behind its fused
activation, and not where values only move. Benoit et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", 2018.
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

#: Layers whose output has the grid of their input.
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
#: Activations that TFLite fuses into the operator before.
_FUSED = ("relu", "relu6", "linear")
#: Activations whose kernels have one grid alone: name → least and largest value.
_FIXED = {
    "sigmoid": (0.0, 255 / 256),
    "softmax": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
}
#: How fast a range follows what the batches hold.
_DECAY = 0.99
_BITS = 8


@dataclass
class _Range:
    """Least and largest value at one point of the graph, as variables."""

    least: Any
    most: Any


#: Called at each point of the graph that has a grid: point, values, how far a range may go.
_At = Callable[..., Any]


class QuantizedGraph:
    """Computes a model with quantized activations; its ranges start at a calibration's.

    Args:
        model: flat, one input, one output.
        images: (n, …) that calibrate.
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
        """The ranges."""
        return [item for found in self._ranges.values() for item in (found.least, found.most)]

    def __call__(self, images: Any, *, follow: bool) -> Any:
        """Compute the model; with `follow`, ranges move towards what these images need."""

        def quantized(point: str, x: Any, limit: float = math.inf) -> Any:
            found = self._ranges[point]
            if follow:
                for variable, end in zip((found.least, found.most), _ends(x, limit), strict=True):
                    variable.assign_add((1 - _DECAY) * (tf.stop_gradient(end) - variable))
            return _on_grid(x, found.least, found.most)

        return self._walk(images, quantized)

    def _walk(self, images: Any, at: _At) -> Any:
        values: dict[str, Any] = {}
        for layer in self._model.layers:
            kind = type(layer).__name__
            if kind == "InputLayer":
                values[layer.name] = images  # 8-bit pixels are on their grid already
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
        if kind in ("Activation", "Softmax"):  # its input lies on a grid already
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
    """Return the range of values; 0 is on every grid."""
    return (
        tf.clip_by_value(tf.reduce_min(x), -limit, 0.0),
        tf.clip_by_value(tf.reduce_max(x), 0.0, limit),
    )


def _on_grid(x: Any, least: Any, most: Any) -> Any:
    return tf.quantization.fake_quant_with_min_max_vars(
        x, tf.stop_gradient(least), tf.stop_gradient(most), num_bits=_BITS
    )


def _activation(layer: Any) -> str | None:
    """Name the activation that a layer ends with; None where it has none."""
    if type(layer).__name__ == "ReLU":
        return "relu"
    function = getattr(layer, "activation", None)
    if function is None:
        return "softmax" if type(layer).__name__ == "Softmax" else None
    return str(getattr(function, "__name__", type(function).__name__))


def _fused(model: Any) -> set[str]:
    """Return the layers whose output a ReLU behind them takes over, before it meets a grid."""
    reads, read = sources(model), uses(model)
    return {
        reads[layer.name][0]
        for layer in model.layers
        if type(layer).__name__ in ("Activation", "ReLU")
        and _activation(layer) in _FUSED
        and read[reads[layer.name][0]] == 1
    }
