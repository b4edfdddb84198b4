"""An original → ONNX in float32, and int8 `.tflite` → ONNX in QDQ form, with tf2onnx.

tf2onnx numbers its names with a global counter and picks among equal constants by hash order, so
each file is renumbered here: the same input gives the same bytes.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tf2onnx

from edgeae.bundle import EDGES
from edgeae.legacy_keras import tf
from edgeae.originals import Original

__all__ = ["OPSET", "from_original", "from_tflite"]

OPSET = 18
_COUNTED = re.compile(r"__\d+")


def from_original(original: Original, part: str) -> bytes:
    """Convert a part of an original; its batch is free and called `batch`."""
    source, target = EDGES[part]
    shape = (None, *original.shapes[source])
    answer = original.parts[part]
    spec = [tf.TensorSpec(shape, tf.float32, name=source)]
    function = tf.function(lambda x: {target: answer(x)}, input_signature=spec)
    model, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=OPSET)
    edges = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    for value in edges:
        dimensions = value.type.tensor_type.shape.dim
        if dimensions and dimensions[0].dim_param:
            dimensions[0].dim_param = "batch"
    return _finished(model)


def from_tflite(content: bytes) -> bytes:
    """Convert an int8 `.tflite`, its integers and scales, into QDQ form."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "part.tflite"
        path.write_bytes(content)
        model, _ = tf2onnx.convert.from_tflite(str(path), opset=OPSET)
    _unsigned_inside(model.graph)
    return _finished(model)


def _unsigned_inside(graph: Any) -> None:
    """Let int8 edges become uint8 just inside the graph: the same steps, 128 higher.

    onnxruntime turns int8 activations into uint8 to fuse QDQ into integer kernels, but not those of
    the graph's own edges. Left alone, the first Gemm of each part runs in float, much slower,
    and the code is rounded differently in the encoder than inside the autoencoder.
    """
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    inputs = {value.name for value in graph.input}
    outputs = {value.name for value in graph.output}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        at_input = node.op_type == "DequantizeLinear" and node.input[0] in inputs
        at_output = node.op_type == "QuantizeLinear" and node.output[0] in outputs
        if not (at_input or at_output) or constants[node.input[2]].dtype != np.int8:
            graph.node.append(node)
            continue
        point = f"{node.output[0]}_point"
        unsigned = np.array(int(constants[node.input[2]]) + 128, np.uint8)
        graph.initializer.append(onnx.numpy_helper.from_array(unsigned, point))
        graph.node.extend(_through_unsigned(node, point, at_input))


def _through_unsigned(node: Any, point: str, at_input: bool) -> list[Any]:
    """Return the nodes that replace a (de)quantization at an edge: signed and unsigned in a row."""
    source, scale, signed = node.input
    names = [source, *(f"{node.output[0]}_step{step}" for step in (1, 2)), node.output[0]]
    # an input is already integer: real, unsigned, real; an output ends as integer
    kinds = ["DequantizeLinear", "QuantizeLinear", "DequantizeLinear"]
    points = [signed, point, point]
    if not at_input:
        kinds = ["QuantizeLinear", "DequantizeLinear", "QuantizeLinear"]
        points = [point, point, signed]
    return [
        onnx.helper.make_node(kind, [names[step], scale, points[step]], [names[step + 1]])
        for step, kind in enumerate(kinds)
    ]


def _finished(model: Any) -> bytes:
    model.producer_name, model.producer_version = "edgeae, tf2onnx", ""
    model.doc_string = model.graph.doc_string = ""
    model.graph.name = "edgeae"
    _renumber(model.graph)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _renumber(graph: Any) -> None:
    """Number names in the order of their first use, and sort the constants."""
    new: dict[str, str] = {"": ""}
    for node in graph.node:
        for name in [*node.input, *node.output]:
            new.setdefault(name, _COUNTED.sub("", name) + _suffix(name, new))
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        node.input[:] = [new[name] for name in node.input]
        node.output[:] = [new[name] for name in node.output]
    kept = {new[item.name]: item for item in graph.initializer if item.name in new}
    for name, item in kept.items():
        item.name = name
    ordered = [kept[name] for name in sorted(kept)]
    del graph.initializer[:]
    graph.initializer.extend(ordered)
    del graph.value_info[:]


def _suffix(name: str, new: dict[str, str]) -> str:
    return f"_{len(new)}" if _COUNTED.search(name) else ""
