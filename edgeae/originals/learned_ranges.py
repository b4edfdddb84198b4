"""The original of a model that was imported with learned ranges, rounded as it was in training.

The rounding of weights and activations is in the graph, so the converter takes over its ranges and
its integers: those that quantization-aware training computed with.
"""

from dataclasses import replace
from typing import Any

from edgeae.artifacts.ranges import Ends, LayerRanges, Ranges
from edgeae.originals.legacy_keras import keras, tf
from edgeae.originals.original import Original, from_keras

_BITS = 8
#: tfmot rounds these kernels with their last two axes exchanged, the order of TFLite's.
_EXCHANGED = "Conv2DTranspose"


class _Rounded(keras.layers.Wrapper):  # type: ignore[misc]
    """A layer whose kernel and activations are rounded to the grids of its ranges."""

    def __init__(self, layer: Any, ranges: LayerRanges) -> None:
        super().__init__(layer, name=layer.name)
        self._ranges = ranges

    def call(self, inputs: Any) -> Any:
        layer: Any = self.layer
        ranges, replaced = self._ranges, dict[str, Any]()
        for name, ends in ranges.weights.items():
            replaced[name] = _rounded_kernel(layer, getattr(layer, name), ends)
        if ranges.before is not None:
            function, before = layer.activation, ranges.before
            replaced["activation"] = lambda x: function(_rounded(x, before))
        # past Keras's tracking of variables, and only for this call
        own: dict[str, Any] = layer.__dict__
        kept = {name: own[name] for name in replaced}
        own.update(replaced)
        try:
            answer = layer(inputs)
        finally:
            own.update(kept)
        return answer if ranges.after is None else _rounded(answer, ranges.after)


def with_ranges(model: Any, code_layer: str, ranges: Ranges) -> Original:
    """Return the original that computes with rounded weights and activations.

    Args:
        model: the flat model; it is not changed.
        code_layer: name of the layer whose output is the code.
        ranges: where its training rounded, and to which ranges.
    """

    def copy(layer: Any) -> Any:
        same = type(layer).from_config(layer.get_config())
        found = ranges.layers.get(layer.name)
        return same if found is None else _Rounded(same, found)

    rounded = keras.models.clone_model(model, clone_function=copy)
    for layer in model.layers:
        twin = rounded.get_layer(layer.name)
        (twin.layer if isinstance(twin, _Rounded) else twin).set_weights(layer.get_weights())
    # without a model: these layers are for conversion, not for fine-tuning
    original = replace(from_keras(rounded, code_layer, rounds=True), model=None)
    entrance = ranges.input
    if entrance is None:
        return original
    parts = {
        part: _entered(function, entrance) if part != "decoder" else function
        for part, function in original.parts.items()
    }
    return replace(original, parts=parts, both_ends=_entered(original.both_ends, entrance))


def _entered(function: Any, ends: Ends) -> Any:
    return lambda x: function(_rounded(x, ends))


def _rounded(x: Any, ends: Ends) -> Any:
    (least,), (most,) = ends.least, ends.most
    return tf.quantization.fake_quant_with_min_max_vars(x, least, most, num_bits=_BITS)


def _rounded_kernel(layer: Any, kernel: Any, ends: Ends) -> Any:
    """Return a kernel on its grid, which is symmetric and leaves out −128."""
    if ends.per_channel:
        return tf.quantization.fake_quant_with_min_max_vars_per_channel(
            kernel, ends.least, ends.most, num_bits=_BITS, narrow_range=True
        )
    (least,), (most,) = ends.least, ends.most
    exchanged = type(layer).__name__ == _EXCHANGED
    kernel = tf.transpose(kernel, (0, 1, 3, 2)) if exchanged else kernel
    kernel = tf.quantization.fake_quant_with_min_max_vars(
        kernel, least, most, num_bits=_BITS, narrow_range=True
    )
    return tf.transpose(kernel, (0, 1, 3, 2)) if exchanged else kernel
