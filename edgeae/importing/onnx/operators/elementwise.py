"""Elementwise arithmetic: of two computed tensors, or of one and a constant."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import View, aligned, axes_of, channels_last, sizes
from edgeae.importing.onnx.translation import Translation

_LAYERS = {"Add": "Add", "Sub": "Subtract", "Mul": "Multiply", "Max": "Maximum"}
#: Epsilon of the normalization that multiplies and adds constants; with this variance it is 1.
_EPSILON = 0.001


def rescaled(
    t: Translation, operator: Operator, view: View, scale: float = 1.0, offset: float = 0.0
) -> View:
    """Add a layer that computes x · scale + offset."""
    return t.same(operator, view, "Rescaling", {"scale": scale, "offset": offset})


def clipped(
    t: Translation, operator: Operator, view: View, low: float | None, high: float | None
) -> View:
    """Add the layers that limit values to `low` to `high`."""
    if low is None and high is None:
        return view
    if low is None:
        assert high is not None
        turned = rescaled(t, operator, view, -1.0, high)
        kept = t.same(operator, turned, "Activation", {"activation": "relu"})
        return rescaled(t, operator, kept, -1.0, high)
    moved = rescaled(t, operator, view, offset=-low) if low else view
    kept = (
        t.same(operator, moved, "Activation", {"activation": "relu"})
        if high is None
        else t.same(operator, moved, "ReLU", {"max_value": high - low})
    )
    return rescaled(t, operator, kept, offset=low) if low else kept


def multiplied(t: Translation, operator: Operator, first: View, second: View) -> View:
    """Add a layer that multiplies two views."""
    return merged(t, operator, "Multiply", first, second)


def merged(t: Translation, operator: Operator, kind: str, first: View, second: View) -> View:
    """Add a layer that takes two views; sizes of 1 are broadcast.

    Raises:
        BadInput: the tensors have different numbers of axes.
    """
    same = aligned(first, second)
    if same is not None and same.held == first.held:
        layer = t.add(operator, kind, {}, (first.layer, second.layer), sizes(first.held))
        return View(layer, first.held, first.axes)
    if len(first.axes) != len(second.axes):
        raise t.refused(
            operator,
            f"takes shapes {first.shape} and {second.shape}; allowed are equal numbers of axes",
        )
    axes = axes_of(np.broadcast_shapes(first.shape, second.shape))
    held = channels_last(axes)
    layers = [t.arranged(view, channels_last(view.axes), operator) for view in (first, second)]
    return View(t.add(operator, kind, {}, layers, sizes(held)), held, axes)


def _arithmetic(t: Translation, operator: Operator) -> None:
    constants = [name for name in operator.inputs if name in t.graph.constants]
    if len(operator.inputs) != 2:
        raise t.refused(operator, f"takes {len(operator.inputs)} inputs; allowed are two")
    if constants:
        place = operator.inputs.index(constants[0])
        view = _with_constant(t, operator, t.view(operator, 1 - place), place)
    elif operator.kind in _LAYERS:
        first, second = t.view(operator, 0), t.view(operator, 1)
        view = merged(t, operator, _LAYERS[operator.kind], first, second)
    else:
        raise t.refused(operator, "of two computed tensors; allowed is a constant as one of them")
    t.views[operator.outputs[0]] = view


def _with_constant(t: Translation, operator: Operator, view: View, place: int) -> View:
    """Compute with the constant at input `place`."""
    values = t.float32(operator, place)
    if values.size == 1:
        return _with_number(t, operator, view, float(values.reshape(())), place)
    factor, offset = _factor_and_offset(t, operator, values, place)
    if t.shape(operator) != view.shape:
        raise t.refused(operator, f"its constant of {values.shape} widens {view.shape}")
    channels, index = t.channels(operator, view)
    across = values.reshape((1,) * (len(view.shape) + 1 - values.ndim) + values.shape)
    if across.size != across.shape[1]:
        raise t.refused(
            operator,
            f"its constant has the shape {values.shape}; allowed are one value, or one a channel",
        )
    weights = [
        item.reshape(-1) if index is None else item.reshape(-1)[index] for item in (factor, offset)
    ]
    ones = np.ones(values.size, np.float32)
    config = {"epsilon": _EPSILON, "trainable": False}
    weights += [0 * ones, ones - np.float32(_EPSILON)]
    return t.same(operator, channels, "BatchNormalization", config, weights)


def _factor_and_offset(
    t: Translation, operator: Operator, values: NDArray[np.float32], place: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    ones = np.ones_like(values)
    if operator.kind == "Mul":
        return values, 0 * values
    if operator.kind == "Add":
        return ones, values
    if operator.kind == "Sub":
        return (-ones, values) if place == 0 else (ones, -values)
    if operator.kind == "Div" and place == 1:
        return 1 / values, 0 * values
    raise t.refused(operator, f"with a constant of {values.size} values as input {place + 1}")


def _with_number(t: Translation, operator: Operator, view: View, number: float, place: int) -> View:
    kind = operator.kind
    if kind == "Max":
        return clipped(t, operator, view, number, None)
    if kind == "Min":
        return clipped(t, operator, view, None, number)
    factor, offset = _factor_and_offset(t, operator, np.asarray(number, np.float32), place)
    return rescaled(t, operator, view, float(factor), float(offset))


def _negated(t: Translation, operator: Operator) -> None:
    t.views[operator.outputs[0]] = rescaled(t, operator, t.view(operator), -1.0)


def _power(t: Translation, operator: Operator) -> None:
    exponent = t.constant(operator, 1)
    if exponent is None or exponent.size != 1 or float(exponent.reshape(())) not in (1.0, 2.0, 3.0):
        raise t.refused(operator, "allowed are the exponents 1, 2 and 3")
    view = base = t.view(operator)
    for _ in range(int(exponent.reshape(())) - 1):
        view = multiplied(t, operator, view, base)
    t.views[operator.outputs[0]] = view


RULES = {
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Sub"), _arithmetic),
    "Neg": _negated,
    "Pow": _power,
}
