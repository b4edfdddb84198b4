"""Activation functions: those that Keras has, and those that a few of its layers compute."""

import math

import numpy as np

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import View, channels_last
from edgeae.importing.onnx.operators.elementwise import clipped, multiplied, rescaled
from edgeae.importing.onnx.translation import Translation

#: Kind → Keras's name of the function.
_FUNCTIONS = {
    **{"Exp": "exponential", "Relu": "relu", "Selu": "selu", "Sigmoid": "sigmoid"},
    **{"Silu": "swish", "Softplus": "softplus", "Softsign": "softsign", "Tanh": "tanh"},
}
#: Selu's constants, of Klambauer et al., "Self-Normalizing Neural Networks" (2017).
_SELU = {"alpha": 1.6732632, "gamma": 1.0507010}
#: The constants of Gelu's form with tanh, of Hendrycks and Gimpel (2016).
_GELU_FACTOR, _GELU_CUBE = math.sqrt(2 / math.pi), 0.044715
#: Softmax took all axes from `axis` on as one before this operator set.
_SOFTMAX_OF_ONE_AXIS = 13


def _applied(t: Translation, operator: Operator, view: View, function: str) -> View:
    return t.same(operator, view, "Activation", {"activation": function})


def _function(t: Translation, operator: Operator) -> None:
    if operator.kind == "Selu":
        for name, expected in _SELU.items():
            if not math.isclose(operator.attributes.get(name, expected), expected, rel_tol=1e-6):
                raise t.refused(operator, f"{name} is not {expected}")
    view = _applied(t, operator, t.view(operator), _FUNCTIONS[operator.kind])
    t.views[operator.outputs[0]] = view


def _leaky(t: Translation, operator: Operator) -> None:
    config = {"alpha": float(operator.attributes.get("alpha", 0.01))}
    t.views[operator.outputs[0]] = t.same(operator, t.view(operator), "LeakyReLU", config)


def _elu(t: Translation, operator: Operator) -> None:
    config = {"alpha": float(operator.attributes.get("alpha", 1.0))}
    t.views[operator.outputs[0]] = t.same(operator, t.view(operator), "ELU", config)


def _prelu(t: Translation, operator: Operator) -> None:
    slope, view = t.float32(operator, 1), t.view(operator)
    rank = len(view.shape)
    if slope.size == 1 and slope.reshape(()) >= 0:
        config = {"alpha": float(slope.reshape(()))}
        t.views[operator.outputs[0]] = t.same(operator, view, "LeakyReLU", config)
        return
    across = slope.reshape((1,) * (rank + 1 - slope.ndim) + slope.shape)
    if across.size not in (1, across.shape[1]):
        raise t.refused(operator, f"has slopes of {slope.shape}; allowed is one a channel")
    channels, index = t.channels(operator, view)
    slopes = np.broadcast_to(across.reshape(-1), (view.shape[0],))
    slopes = slopes if index is None else slopes[index]
    shared = list(range(1, rank))
    weights = [slopes.reshape((1,) * (rank - 1) + (-1,))]
    config_shared = {"shared_axes": shared} if shared else {}
    t.views[operator.outputs[0]] = t.same(operator, channels, "PReLU", config_shared, weights)


def _gelu(t: Translation, operator: Operator) -> None:
    x = t.view(operator)
    if operator.attributes.get("approximate", "none") == "none":
        t.views[operator.outputs[0]] = _applied(t, operator, x, "gelu")
        return
    square = multiplied(t, operator, x, x)
    inner = rescaled(t, operator, square, _GELU_FACTOR * _GELU_CUBE, _GELU_FACTOR)
    bent = _applied(t, operator, multiplied(t, operator, x, inner), "tanh")
    share = rescaled(t, operator, bent, 0.5, 0.5)
    t.views[operator.outputs[0]] = multiplied(t, operator, x, share)


def _hard_sigmoid(t: Translation, operator: Operator) -> None:
    slope = float(operator.attributes.get("alpha", 0.2))
    offset = float(operator.attributes.get("beta", 0.5))
    line = rescaled(t, operator, t.view(operator), slope, offset)
    t.views[operator.outputs[0]] = clipped(t, operator, line, 0.0, 1.0)


def _hard_swish(t: Translation, operator: Operator) -> None:
    x = t.view(operator)
    gate = clipped(t, operator, rescaled(t, operator, x, offset=3.0), 0.0, 6.0)
    product = multiplied(t, operator, x, gate)
    t.views[operator.outputs[0]] = rescaled(t, operator, product, 1 / 6)


def _mish(t: Translation, operator: Operator) -> None:
    x = t.view(operator)
    gate = _applied(t, operator, _applied(t, operator, x, "softplus"), "tanh")
    t.views[operator.outputs[0]] = multiplied(t, operator, x, gate)


def _clip(t: Translation, operator: Operator) -> None:
    low, high = (t.constant(operator, place) for place in (1, 2))
    ends = [None if item is None else float(item.reshape(())) for item in (low, high)]
    t.views[operator.outputs[0]] = clipped(t, operator, t.view(operator), *ends)


def _softmax(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    rank = len(view.shape)
    flattens = operator.opset < _SOFTMAX_OF_ONE_AXIS
    axis = operator.attributes.get("axis", 1 if flattens else -1) % (rank + 1)
    if axis == 0 or (flattens and axis != rank):
        raise t.refused(operator, f"over axis {axis} of {rank + 1}; allowed is the last")
    place = axis - 1
    moved = (*view.axes[:place], *view.axes[place + 1 :], view.axes[place])
    held = channels_last(view.axes) if place == 0 else moved
    there = View(t.arranged(view, held, operator), held, view.axes)
    t.views[operator.outputs[0]] = _applied(t, operator, there, "softmax")


RULES = {
    **dict.fromkeys(_FUNCTIONS, _function),
    "Clip": _clip,
    "Elu": _elu,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky,
    "Mish": _mish,
    "PRelu": _prelu,
    "Softmax": _softmax,
}
