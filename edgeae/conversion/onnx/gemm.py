"""MatMul and Add → Gemm: quantization then keeps the bias as int32 instead of uint8."""

from collections import Counter
from typing import Any

import onnx


def with_gemm(model: Any) -> Any:
    """Return a `ModelProto` whose dense layers are one operator each.

    A layer is a product of a matrix and a constant one that nothing reads but an Add of a constant
    vector; ONNX's Gemm takes no other ranks.
    """
    found = onnx.ModelProto()
    found.CopyFrom(model)
    layers = _layers(found)
    merged = {product.output[0] for product, _ in layers.values()}
    nodes = []
    for node in found.graph.node:
        if node.output[0] in layers:
            product, bias = layers[node.output[0]]
            inputs = [*product.input, bias]
            nodes.append(onnx.helper.make_node("Gemm", inputs, node.output, product.name))
        elif node.output[0] not in merged:
            nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
    del found.graph.node[:]
    found.graph.node.extend(nodes)
    return found


def _layers(model: Any) -> dict[str, tuple[Any, str]]:
    """Return output of the Add → the MatMul before it, and the bias."""
    graph = model.graph
    constants = {item.name: len(item.dims) for item in graph.initializer}
    known = onnx.shape_inference.infer_shapes(model).graph
    ranks = constants | {
        item.name: len(item.type.tensor_type.shape.dim)
        for item in (*known.input, *known.value_info, *known.output)
    }
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(item.name for item in graph.output)
    products = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "MatMul"
        and readers[node.output[0]] == 1
        and node.input[1] in constants
        and [ranks.get(name) for name in node.input] == [2, 2]
    }
    return {
        node.output[0]: (products[product], bias)
        for node in graph.node
        if node.op_type == "Add"
        for product, bias in (node.input, reversed(node.input))
        if product in products and constants.get(bias) == 1
    }
