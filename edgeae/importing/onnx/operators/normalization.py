"""Layers that normalise."""

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.layout import View
from edgeae.importing.onnx.translation import Translation


def _batch(t: Translation, operator: Operator) -> None:
    if operator.attributes.get("training_mode"):
        raise t.refused(operator, "normalises by its batch; export the model after model.eval()")
    channels, index = t.channels(operator, t.view(operator))
    weights = [t.float32(operator, place) for place in (1, 2, 3, 4)]
    weights = weights if index is None else [item[index] for item in weights]
    config = {
        "epsilon": float(operator.attributes.get("epsilon", 1e-5)),
        "momentum": float(operator.attributes.get("momentum", 0.9)),
    }
    t.views[operator.outputs[0]] = t.same(operator, channels, "BatchNormalization", config, weights)


def _layer(t: Translation, operator: Operator) -> None:
    view = t.view(operator)
    rank = len(view.shape) + 1
    first = operator.attributes.get("axis", -1) % rank
    there = View(t.arranged(view, view.axes, operator), view.axes, view.axes)
    scale = t.float32(operator, 1)
    has_offset = len(operator.inputs) > 2 and operator.inputs[2]
    offset = t.float32(operator, 2) if has_offset else 0 * scale
    shape = view.shape[first - 1 :]
    if first == 0 or any(item.size not in (1, scale.size) for item in (scale, offset)):
        raise t.refused(operator, f"over axis {first}; allowed are axes after the batch")
    config = {
        "axis": list(range(first, rank)),
        "epsilon": float(operator.attributes.get("epsilon", 1e-5)),
    }
    weights = [scale.reshape(shape), offset.reshape(shape)]
    t.views[operator.outputs[0]] = t.same(operator, there, "LayerNormalization", config, weights)


RULES = {"BatchNormalization": _batch, "LayerNormalization": _layer}
