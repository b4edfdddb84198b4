"""Folding of batch normalisation into the layer before it: less work for the same outputs.

At inference a normalisation is y = s·x + t per channel, with s = γ / √(σ² + ε) and t = β − s·μ.
If the layer before it is linear, s scales the layer's weights and bias, and t is added to the bias.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.compression.wiring import inputs, uses
from edgeae.metrics.parity import float32_gap
from edgeae.originals.legacy_keras import keras

_NORMALIZATION = "BatchNormalization"
_ROWS = 8


def fold(model: Any, keep: Collection[str] = ()) -> Any:
    """Return the model with its batch normalisations folded into the layers before them.

    A normalisation is not folded if that would not be exact: if it follows an activation, works on
    another axis than the last, or follows a layer whose output is also used elsewhere.

    Args:
        model: a flat functional model; it is not changed.
        keep: names of layers whose output must stay in the model, such as the code's.

    Returns:
        A new model, or `model` itself if no normalisation could be folded exactly.
    """
    config = model.get_config()
    layer_of = _foldable(model, config, keep)
    if not layer_of:
        return model
    folded = keras.Model.from_config(_without(config, layer_of, keep))
    kept = {layer.name for layer in folded.layers}
    normalizations = {layer: name for name, layer in layer_of.items()}
    for layer in model.layers:
        if layer.name in normalizations:
            normalization = model.get_layer(normalizations[layer.name])
            name = layer.name if layer.name in kept else normalization.name
            folded.get_layer(name).set_weights(_fold_weights(layer, normalization))
        elif layer.name in kept and layer.name not in layer_of:
            folded.get_layer(layer.name).set_weights(layer.get_weights())
    return folded if _agree(model, folded) else model


def _foldable(model: Any, config: dict[str, Any], keep: Collection[str]) -> dict[str, str]:
    """Return the name of each foldable normalisation → name of the layer it is folded into."""
    read = uses(model)
    layer_of = {}
    for item in config["layers"]:
        if item["class_name"] != _NORMALIZATION:
            continue
        (source,) = inputs(item)
        before, normalization = model.get_layer(source), model.get_layer(item["name"])
        linear = getattr(before, "activation", None) is keras.activations.linear
        alone = read[source] == 1 and source not in keep
        if type(before).__name__ in _SCALED and linear and alone and _on_last_axis(normalization):
            layer_of[item["name"]] = source
    return layer_of


def _on_last_axis(normalization: Any) -> bool:
    axis = normalization.axis
    (number,) = axis if isinstance(axis, list | tuple) else (axis,)
    rank = len(keras.backend.int_shape(normalization.input))
    return bool(number in (-1, rank - 1))


def _without(
    config: dict[str, Any], layer_of: dict[str, str], keep: Collection[str]
) -> dict[str, Any]:
    """Return the configuration without the folded normalisations.

    If a normalisation is in `keep`, the layer that it is folded into takes its name.
    """
    renamed = {source: name for name, source in layer_of.items() if name in keep}
    for name, source in layer_of.items():
        renamed[name] = renamed.get(source, source)
    layers = []
    for item in config["layers"]:
        if item["name"] in layer_of:
            continue
        settings = dict(item["config"], name=renamed.get(item["name"], item["name"]))
        if item["name"] in layer_of.values():
            settings["use_bias"] = True
        nodes = [
            [[renamed.get(call[0], call[0]), *call[1:]] for call in node]
            for node in item["inbound_nodes"]
        ]
        layers.append(
            {**item, "config": settings, "name": settings["name"], "inbound_nodes": nodes}
        )
    ends = {
        key: [[renamed.get(name, name), *rest] for name, *rest in config[key]]
        for key in ("input_layers", "output_layers")
    }
    return {**config, "layers": layers, **ends}


def _fold_weights(layer: Any, normalization: Any) -> list[NDArray[np.float32]]:
    """Return a layer's weights and bias with the normalisation folded in; computed in float64."""
    *kernels, bias = [weight.astype(np.float64) for weight in _with_bias(layer)]
    scale, shift = _affine(normalization)
    kernels[-1] = _SCALED[type(layer).__name__](kernels[-1], scale)
    return [array.astype(np.float32) for array in (*kernels, bias * scale + shift)]


def _with_bias(layer: Any) -> list[NDArray[Any]]:
    weights: list[NDArray[Any]] = layer.get_weights()
    channels = keras.backend.int_shape(layer.output)[-1]
    return weights if layer.use_bias else [*weights, np.zeros(channels, np.float32)]


def _affine(normalization: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return s and t of y = s·x + t."""
    mean, variance = (
        weight.numpy().astype(np.float64)
        for weight in (normalization.moving_mean, normalization.moving_variance)
    )
    scale = 1.0 / np.sqrt(variance + normalization.epsilon)
    if normalization.scale:
        scale = scale * normalization.gamma.numpy()
    shift = -mean * scale
    return scale, shift + normalization.beta.numpy() if normalization.center else shift


def _last(kernel: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale a kernel whose output channels are the last axis."""
    return kernel * scale


def _last_but_one(kernel: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale a kernel whose output channels are the last axis but one."""
    return kernel * scale[:, None]


def _last_two(kernel: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale a kernel whose output channels are its last two axes: input channel and multiplier."""
    return kernel * scale.reshape(kernel.shape[-2:])


_Scaling = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
#: Layer → how its last kernel is scaled per output channel.
_SCALED: dict[str, _Scaling] = {
    **dict.fromkeys(("Dense", "Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D"), _last),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _last_but_one),
    "DepthwiseConv2D": _last_two,
}


def _agree(model: Any, folded: Any) -> bool:
    rows = np.random.default_rng(0).normal(size=(_ROWS, *model.input_shape[1:]))
    expected, actual = (
        net(rows.astype(np.float32), training=False).numpy() for net in (model, folded)
    )
    most, allowed = float32_gap(actual, expected)
    return most <= allowed
