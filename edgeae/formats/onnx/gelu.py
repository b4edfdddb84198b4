"""GELU of a `.tflite`, which tf2onnx has no handler for, in operators of ONNX."""

import math
from typing import Any

import numpy as np
import onnx

#: tf2onnx's name of TFLite's operator, which it passes on as it is.
_GELU = "TFL_GELU"
#: TensorFlow's 1 − erf, of which its own GELU consists.
_ERFC = "Erfc"


def spell_out_gelu(graph: Any) -> None:
    """Write GELU in operators of ONNX, in place.

    It is x · (1 + erf(x / √2)) / 2; ONNX has an operator of its own from operator set 20 on only.
    """
    nodes = list(graph.node)
    constants = {"gelu_sqrt2": math.sqrt(2), "gelu_one": 1.0, "gelu_half": 0.5}
    if any(node.op_type in (_GELU, _ERFC) for node in nodes):
        graph.initializer.extend(
            onnx.numpy_helper.from_array(np.float32(value), name)
            for name, value in constants.items()
        )
    del graph.node[:]
    for node in nodes:
        graph.node.extend(_spelled_out(node) if node.op_type in (_GELU, _ERFC) else [node])


def _spelled_out(node: Any) -> list[Any]:
    (source,), (target,) = node.input, node.output
    if node.op_type == _ERFC:
        erf = onnx.helper.make_node("Erf", [source], [f"{target}_erf"])
        return [erf, onnx.helper.make_node("Sub", ["gelu_one", f"{target}_erf"], [target])]
    scaled, error, sum_, product = (f"{target}_gelu{step}" for step in range(4))
    steps = (
        ("Div", [source, "gelu_sqrt2"], scaled),
        ("Erf", [scaled], error),
        ("Add", [error, "gelu_one"], sum_),
        ("Mul", [source, sum_], product),
        ("Mul", [product, "gelu_half"], target),
    )
    return [onnx.helper.make_node(kind, inputs, [output]) for kind, inputs, output in steps]
