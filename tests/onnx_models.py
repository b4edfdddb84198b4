"""ONNX models built by hand, and onnxruntime on one thread, for the tests of ONNX files."""

import numpy as np
import onnx
import onnxruntime
import tiny


def halves() -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The tiny model's encoder and decoder in float32, as MatMul and Add, as tf2onnx writes them.

    Their inner names are the same, as those of two conversions may be.
    """
    layers = tiny.weights()
    return (
        dense("image", [layers["hidden"], layers["code"]], "code"),
        dense("code", [layers["reconstruction"]], "reconstruction"),
    )


def dense(source: str, layers: list, target: str) -> onnx.ModelProto:
    """A row of dense layers, Relu between them; the batch is free."""
    nodes, constants, before = [], [], source
    for place, (matrix, bias) in enumerate(layers):
        constants += [
            onnx.numpy_helper.from_array(matrix.T.copy(), f"w{place}"),
            onnx.numpy_helper.from_array(bias, f"b{place}"),
        ]
        last = place == len(layers) - 1
        total = target if last else f"sum{place}"
        nodes += [
            onnx.helper.make_node("MatMul", [before, f"w{place}"], [f"product{place}"]),
            onnx.helper.make_node("Add", [f"product{place}", f"b{place}"], [total]),
        ]
        if not last:
            nodes.append(onnx.helper.make_node("Relu", [total], [f"active{place}"]))
        before = f"active{place}"
    widths = layers[0][0].shape[1], layers[-1][0].shape[0]
    edges = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", width])
        for name, width in zip((source, target), widths, strict=True)
    ]
    graph = onnx.helper.make_graph(nodes, "halves", edges[:1], edges[1:], constants)
    sets = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("ai.onnx.ml", 2)]
    return onnx.helper.make_model(graph, opset_imports=sets, ir_version=8)


def run(content: bytes, x: np.ndarray, batch: int = 100) -> np.ndarray:
    """Run a model of one input over x, (n, …), some rows at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    starts = range(0, len(x), batch)
    return np.concatenate([session.run(None, {name: x[at : at + batch]})[0] for at in starts])


def with_every_shape(content: bytes) -> onnx.ModelProto:
    """Check a file by onnx's own checker and shape inference, which must know every tensor."""
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    found = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    known = {item.name for item in (*found.value_info, *found.output)}
    assert {name for node in model.graph.node for name in node.output} <= known
    return model
