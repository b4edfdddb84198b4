"""Pooling, and means over all spatial axes."""

import math
from typing import Any

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import Axes, sizes
from edgeae.importing.onnx.operators.convolution import Window, windows, zero_padded
from edgeae.importing.onnx.translation import REORDER, Translation

#: Functions whose output is never below 0, so that padding with 0 changes no maximum.
_NOT_NEGATIVE = ("relu", "sigmoid", "softplus", "exponential", "softmax")
#: Layers that pass values on.
_MOVING = (REORDER, "Flatten", "Reshape", "MaxPooling1D", "MaxPooling2D")


def _pooled(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    rank = len(view.shape) - 1
    if rank not in (1, 2) or len("".join(operator.outputs[1:])):
        raise t.refused(operator, f"of {rank} spatial axes; allowed are one and two, one output")
    layer, shape = t.as_images(operator, view)
    held, axes = t.image(t.shape(operator))
    found = windows(operator, operator.attributes["kernel_shape"], shape, sizes(held))
    if any(item.dilation != 1 for item in found):
        raise t.refused(operator, "has dilations; allowed is a dilation of 1")
    padding = "valid"
    pads = tuple((item.before, item.after) for item in found)
    if any(map(any, pads)):
        if all(item.is_same for item in found) and not _counts_padding(operator):
            padding = "same"
        else:
            _check_padding(t, operator, layer, found)
            layer, shape = zero_padded(t, operator, layer, shape, pads)
    config = {
        "pool_size": tuple(item.width for item in found),
        "strides": tuple(item.stride for item in found),
        "padding": padding,
    }
    kind = "MaxPooling" if operator.kind == "MaxPool" else "AveragePooling"
    name = f"{kind}{rank}D"
    t.views[operator.outputs[0]] = t.held(operator, name, config, layer, held, axes)


def _counts_padding(operator: Operator) -> bool:
    return bool(operator.kind == "AveragePool" and operator.attributes.get("count_include_pad"))


def _check_padding(t: Translation, operator: Operator, layer: str, found: list[Window]) -> None:
    """Check that zeros around the values give the same answers as ONNX's padding."""
    if operator.kind == "AveragePool":
        if not _counts_padding(operator) or operator.attributes.get("ceil_mode"):
            raise t.refused(
                operator,
                "its means leave out the padding, which Keras does not at these sizes; allowed are "
                "no padding, or count_include_pad=True and ceil_mode=False",
            )
        return
    if not _not_negative(t, layer):
        ends = [(item.before, item.after) for item in found]
        raise t.refused(
            operator,
            f"pads values that may be negative by {ends}; allowed are no padding, or a ReLU before",
        )


def _not_negative(t: Translation, name: str) -> bool:
    """Return whether a layer that makes the values, before they were moved, gives none below 0."""
    layers = {item.name: item for item in t.layers}
    while name in layers and layers[name].kind in _MOVING:
        (name,) = layers[name].inputs
    if name not in layers:
        return False
    spec = layers[name]
    function: Any = spec.config.get("activation")
    return spec.kind == "ReLU" or (spec.kind == "Activation" and function in _NOT_NEGATIVE)


def _global(t: Translation, operator: Operator) -> None:
    _over_all(t, operator, "Max" if operator.kind == "GlobalMaxPool" else "Average")


def _reduced(t: Translation, operator: Operator) -> None:
    """Translate a mean over all spatial axes, or over all of them and no other."""
    rank = len(t.view(operator).shape) + 1
    given = t.constant(operator, 1)
    written = operator.attributes.get("axes", [] if given is None else given.reshape(-1).tolist())
    axes = sorted(int(axis) % rank for axis in written)
    if axes != list(range(2, rank)):
        raise t.refused(operator, f"over axes {axes}; allowed are all after the channels")
    _over_all(t, operator, "Max" if operator.kind == "ReduceMax" else "Average")


def _over_all(t: Translation, operator: Operator, what: str) -> None:
    view = t.view(operator)
    rank = len(view.shape) - 1
    if rank not in (1, 2):
        raise t.refused(operator, f"of {rank} spatial axes; allowed are one and two")
    layer, shape = t.as_images(operator, view)
    channels = view.axes[0]
    held: Axes = (*((),) * rank, channels)
    axes: Axes = (channels, *((),) * rank)
    name = f"Global{what}Pooling{rank}D"
    pooled = t.held(operator, name, {"keepdims": True}, layer, held, axes)
    assert math.prod(sizes(held)) == shape[-1]
    t.views[operator.outputs[0]] = t.reshaped(operator, pooled, t.shape(operator))


RULES = {
    **dict.fromkeys(("AveragePool", "MaxPool"), _pooled),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _global),
    **dict.fromkeys(("ReduceMean", "ReduceMax"), _reduced),
}
