"""Makes activations unsigned inside a QDQ graph, where onnxruntime's integer kernels take them.

onnxruntime turns int8 activations into uint8 to fuse QDQ into integer kernels, but not at the
inputs and outputs of the graph. Without this conversion, the first and the last operator of each
part run in float: slower, and with a code that is rounded differently in the encoder than inside
the autoencoder.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx

#: Operators that move values and leave them as they are.
_MOVES = ("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")


def unsigned_inside(graph: Any) -> None:
    """Convert int8 to uint8 behind inputs and before outputs, in place: the integers plus 128.

    An output may be moved behind its quantization, or an input before it is real, such as from
    channels first to channels last.

    Args:
        graph: `GraphProto` in QDQ form.
    """
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    nodes = list(graph.node)
    given = _moved((value.name for value in graph.input), nodes)
    left = _unmoved((value.name for value in graph.output), nodes)
    del graph.node[:]
    for node in nodes:
        at_input = node.op_type == "DequantizeLinear" and node.input[0] in given
        at_output = node.op_type == "QuantizeLinear" and node.output[0] in left
        if not (at_input or at_output) or constants[node.input[2]].dtype != np.int8:
            graph.node.append(node)
            continue
        point = f"{node.output[0]}_point"
        unsigned = np.array(int(constants[node.input[2]]) + 128, np.uint8)
        graph.initializer.append(onnx.numpy_helper.from_array(unsigned, point))
        graph.node.extend(_through_unsigned(node, point, at_input))


def _moved(names: Iterable[str], nodes: Sequence[Any]) -> set[str]:
    """Return tensors, and what is only moved from them; `nodes` are in order of execution."""
    found = set(names)
    for node in nodes:
        if node.op_type in _MOVES and node.input[0] in found:
            found.add(node.output[0])
    return found


def _unmoved(names: Iterable[str], nodes: Sequence[Any]) -> set[str]:
    """Return tensors, and those from which they are only moved."""
    found = set(names)
    for node in reversed(nodes):
        if node.op_type in _MOVES and node.output[0] in found:
            found.add(node.input[0])
    return found


def _through_unsigned(node: Any, point: str, at_input: bool) -> list[Any]:
    """Return the signed and unsigned (de)quantizations that replace one at an input or output."""
    source, scale, signed = node.input
    names = [source, *(f"{node.output[0]}_step{step}" for step in (1, 2)), node.output[0]]
    # an int8 input becomes real, unsigned and real again; an output ends as int8
    kinds = ["DequantizeLinear", "QuantizeLinear", "DequantizeLinear"]
    points = [signed, point, point]
    if not at_input:
        kinds = ["QuantizeLinear", "DequantizeLinear", "QuantizeLinear"]
        points = [point, point, signed]
    return [
        onnx.helper.make_node(kind, [names[step], scale, points[step]], [names[step + 1]])
        for step, kind in enumerate(kinds)
    ]
