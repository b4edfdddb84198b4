"""Joins, cuts and finishes ONNX graphs; the same graph always becomes the same bytes.

tf2onnx numbers its names with a global counter, and chooses among equal constants by hash order.
Therefore the names of each file are renumbered here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from edgeae.errors import BadInput
from edgeae.formats.onnx.metadata import Stamp
from edgeae.formats.onnx.shapes import contributed, inferred

_COUNTED = re.compile(r"__\d+")


def joined(encoder: Any, decoder: Any) -> Any:
    """Return the `ModelProto` of both halves joined: image → `code` and `reconstruction`."""
    taken = _names(encoder.graph)
    other = {name: f"decoder/{name}" for name in _names(decoder.graph) & taken - {"", "code"}}
    constants = list(encoder.graph.initializer)
    for item in decoder.graph.initializer:
        constants.append(onnx.TensorProto.FromString(item.SerializeToString()))
        constants[-1].name = other.get(item.name, item.name)
    nodes = [*encoder.graph.node, *(renamed(node, other) for node in decoder.graph.node)]
    outputs = [edge(encoder, "code"), edge(decoder, "reconstruction")]
    graph = onnx.helper.make_graph(nodes, "edgeae", [edge(encoder, "image")], outputs, constants)
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
    opsets = encoder.opset_import
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=encoder.ir_version)


def _names(graph: Any) -> set[str]:
    constants = {item.name for item in graph.initializer}
    return constants | {name for node in graph.node for name in (*node.input, *node.output)}


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """Return a copy of a node in which the tensors in `names` have new names."""
    copy = onnx.NodeProto.FromString(node.SerializeToString())
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    return copy


def edge(model: Any, name: str) -> Any:
    """Return the `ValueInfoProto` of an input or output."""
    edges = (*model.graph.input, *model.graph.output)
    return next(item for item in edges if item.name == name)


def between(model: Any, nodes: Sequence[Any], source: Any, target: Any) -> Any:
    """Return a `ModelProto` of the nodes that compute one tensor from another.

    Args:
        model: provides the constants and operator sets.
        nodes: the nodes to choose from.
        source, target: `ValueInfoProto` of the new model's input and output.
    """
    makers = {name: place for place, node in enumerate(nodes) for name in node.output}
    needed: set[int] = set()
    pending = [target.name]
    while pending:
        name = pending.pop()
        if name != source.name and name in makers and makers[name] not in needed:
            needed.add(makers[name])
            pending += nodes[makers[name]].input
    chosen = [nodes[place] for place in sorted(needed)]
    read = {name for node in chosen for name in node.input}
    constants = [item for item in model.graph.initializer if item.name in read]
    graph = onnx.helper.make_graph(chosen, "edgeae", [source], [target], constants)
    opsets = model.opset_import
    return in_order(
        onnx.helper.make_model(graph, opset_imports=opsets, ir_version=model.ir_version)
    )


def in_order(model: Any) -> Any:
    """Sort a model's nodes in place so that each follows the nodes whose outputs it reads."""
    graph = model.graph
    computed = {"", *(item.name for item in (*graph.input, *graph.initializer))}
    left, ordered = list(graph.node), []
    while left:
        ready = next(node for node in left if computed.issuperset(node.input))
        left.remove(ready)
        computed.update(ready.output)
        ordered.append(onnx.NodeProto.FromString(ready.SerializeToString()))
    del graph.node[:]
    graph.node.extend(ordered)
    return model


def finished(model: Any, tools: str, stamp: Stamp) -> bytes:
    """Return the bytes of a model's file, after its names, metadata and checks.

    Args:
        model: a `ModelProto`; it is changed.
        tools: the tools that made it, for the producer name.
        stamp: the metadata on its origin.

    Raises:
        BadInput: the model is not valid ONNX, or its shapes contradict each other.
    """
    model.producer_name, model.producer_version = tools, ""
    model.doc_string = model.graph.doc_string = ""
    model.graph.name = "edgeae"
    _renumber(model.graph)
    without_unused_sets(model)
    onnx.helper.set_model_props(model, stamp.properties())
    try:
        model.graph.value_info.extend(contributed(model))
        onnx.checker.check_model(model, full_check=True)
        inferred(model, strict=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        (reason, *_) = str(error).strip().splitlines() or ["no reason given"]
        raise BadInput(f"{stamp.part}.onnx, {stamp.flavour}: not valid ONNX: {reason}") from None
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def without_unused_sets(model: Any) -> Any:
    """Remove the operator sets that a model does not use, in place; return the model.

    onnxruntime's tools fail on unused operator sets.
    """
    used = {"", *(node.domain for node in model.graph.node)}
    sets = {item.domain: item.version for item in model.opset_import if item.domain in used}
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*item) for item in sorted(sets.items()))
    return model


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
