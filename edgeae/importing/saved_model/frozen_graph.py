"""Simplifies a frozen GraphDef so that it can be cut at any tensor through which all data flows.

Afterwards the input is the node `image` and the output the node `reconstruction`. There are no
nodes that only pass a tensor on. Each shape that is computed at run time is computed from the
tensor that is reshaped, not from another one.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.importing.bottleneck import Node
from edgeae.originals.graph_parts import IMAGE, RECONSTRUCTION, node_of
from edgeae.originals.legacy_keras import tf

#: Operators that pass their first input on unchanged.
_PASSING = {
    "DisableCopyOnRead",
    "EnsureShape",
    "Identity",
    "PreventGradient",
    "Snapshot",
    "StopGradient",
}
#: Operators that pass the same values on, perhaps in another shape.
_SAME_VALUES = {*_PASSING, "ExpandDims", "Reshape", "Squeeze", "Transpose"}
#: Parts of names that come from TensorFlow's function calls, not from the model.
_CALL = re.compile(r"(Stateful)?PartitionedCall(_\d+)?|signature_wrapper.*")
#: Operator → position of the input that is the shape of the output.
_SHAPE_INPUT = {"Conv2DBackpropInput": 0, "Reshape": 1}
#: Batch sizes at which a graph is run: sizes that differ between the two depend on the batch.
_BATCHES = (1, 3)


def plain(graph: Any, source: str, target: str, shape: tuple[int, ...]) -> Any:
    """Return a GraphDef that computes node `target` from node `source`, renamed and in order.

    Args:
        graph: a frozen graph with all functions inlined.
        source: the only placeholder; it becomes `image`, with a free batch.
        target: the output node; the Identity `reconstruction` is added after it.
        shape: shape of one image.
    """
    by_name = {node.name: node for node in graph.node}
    order = _order(by_name, target)
    names = _names(order, source)
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    for old in order:
        node = result.node.add()
        node.CopyFrom(by_name[old])
        node.name, node.device = names[old], ""
        for key in [key for key in node.attr if key.startswith("_")]:
            del node.attr[key]
        del node.input[:]
        node.input.extend(_renamed(_source(by_name, item), names) for item in _data(by_name[old]))
        if old == source:
            node.attr["shape"].shape.CopyFrom(tf.TensorShape((None, *shape)).as_proto())
    last = result.node.add(name=RECONSTRUCTION, op="Identity")
    last.input.append(_renamed(_source(by_name, target), names))
    last.attr["T"].type = tf.float32.as_datatype_enum
    return result


def _data(node: Any) -> list[str]:
    return [item for item in node.input if not item.startswith("^")]


def _source(by_name: dict[str, Any], tensor: str) -> str:
    """Return the tensor that nodes of `_PASSING` pass on as `tensor`."""
    while by_name[node_of(tensor)].op in _PASSING:
        tensor = _data(by_name[node_of(tensor)])[0]
    return tensor


def _renamed(tensor: str, names: dict[str, str]) -> str:
    node, _, output = tensor.partition(":")
    return f"{names[node]}:{output}" if output not in ("", "0") else names[node]


def _order(by_name: dict[str, Any], target: str) -> list[str]:
    """Return the nodes that `target` needs, each after its inputs."""
    order: dict[str, None] = {}
    pending = [(node_of(_source(by_name, target)), False)]
    while pending:
        name, ready = pending.pop()
        if ready:
            order.setdefault(name)
        elif name not in order:
            pending.append((name, True))
            inputs = [node_of(_source(by_name, item)) for item in _data(by_name[name])]
            pending += [(item, False) for item in reversed(inputs)]
    return list(order)


def _names(order: list[str], source: str) -> dict[str, str]:
    names: dict[str, str] = {source: IMAGE}
    taken = {IMAGE, RECONSTRUCTION}
    for old in order:
        if old == source:
            continue
        parts = [part for part in old.split("/") if not _CALL.fullmatch(part)]
        plain_name = "/".join(parts) or "operator"
        name, number = plain_name, 1
        while name in taken:
            number += 1
            name = f"{plain_name}__{number}"
        names[old] = name
        taken.add(name)
    return names


@dataclass(frozen=True)
class Tensors:
    """Measurements of the first output of every node but constants, at each batch of `_BATCHES`.

    Attributes:
        shapes: node → shape at each batch.
        integers: node → values at each batch; only for integer outputs.
    """

    shapes: dict[str, tuple[tuple[int, ...], ...]]
    integers: dict[str, tuple[NDArray[Any], ...]]

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape without the batch, or None if the first dimension is not the batch."""
        sizes = self.shapes[name]
        for shape, batch in zip(sizes, _BATCHES, strict=True):
            if shape[:1] != (batch,) or shape[1:] != sizes[0][1:]:
                return None
        return sizes[0][1:]


def measure(graph: Any, shape: tuple[int, ...]) -> Tensors:
    """Run a plain graph on zeros and return the shapes and integers of its tensors.

    Raises:
        tf.errors.OpError: the graph does not run at one of the batch sizes.
    """
    named = [node for node in graph.node if node.op != "Const"]
    fetches = [f"{node.name}:0" for node in named]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def everything(image: Any) -> list[Any]:
        fetched = tf.graph_util.import_graph_def(
            graph, input_map={f"{IMAGE}:0": image}, return_elements=fetches, name="model"
        )
        return [item if item.dtype.is_integer else tf.shape(item) for item in fetched]

    shapes: dict[str, list[tuple[int, ...]]] = {node.name: [] for node in named}
    integers: dict[str, list[NDArray[Any]]] = {}
    for batch in _BATCHES:
        fetched = everything(tf.zeros((batch, *shape)))
        for node, kind, value in zip(named, _kinds(graph, fetches), fetched, strict=True):
            array = value.numpy()
            if kind:
                integers.setdefault(node.name, []).append(array)
                shapes[node.name].append(array.shape)
            else:
                shapes[node.name].append(tuple(map(int, array)))
    return Tensors(
        {name: tuple(item) for name, item in shapes.items()},
        {name: tuple(item) for name, item in integers.items()},
    )


def _kinds(graph: Any, fetches: list[str]) -> list[bool]:
    """Return for each tensor whether its type is an integer type."""
    with tf.Graph().as_default():
        fetched = tf.graph_util.import_graph_def(graph, return_elements=fetches, name="")
        return [bool(item.dtype.is_integer) for item in fetched]


def with_free_batch(graph: Any) -> Any:
    """Return a GraphDef whose constant shapes allow any batch.

    The constant shapes of a SavedModel with a batch of 1 begin with 1; here −1 replaces this 1. For
    one image the result is the same. For several images, the caller must compare the outputs.
    """
    by_name = {node.name: node for node in graph.node}
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        place = _SHAPE_INPUT.get(node.op)
        shape = None if place is None else by_name[node_of(node.input[place])]
        if shape is not None and shape.op == "Const":
            sizes = tf.make_ndarray(shape.attr["value"].tensor)
            if sizes.ndim == 1 and sizes[:1] == [1] and -1 not in sizes:
                _free(result, node, place, sizes)
        result.node.append(node)
    return needed(result)


def _free(graph: Any, node: Any, place: Any, sizes: NDArray[Any]) -> None:
    """Replace a node's shape by one whose batch is that of the node's own data, in place."""
    name = f"{node.name}/constant_{place}"
    free = np.concatenate([[-1], sizes[1:]]).astype(sizes.dtype)
    add_constant(graph, name, free)
    # a transposed convolution does not infer a size of −1
    node.input[place] = name if node.op == "Reshape" else _own_batch(graph, node, name)


def without_batch(graph: Any, tensors: Tensors) -> Any:
    """Return a GraphDef in which no shape depends on the batch of another tensor.

    The batch in the shape of a reshape becomes −1. A transposed convolution takes the batch of its
    own input. Integers that are the same at all batch sizes become constants.
    """
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        for place, tensor in enumerate(node.input):
            name = node_of(tensor)
            values = tensors.integers.get(name)
            if values is None or ":" in tensor:
                continue
            if _equal(values):
                node.input[place] = f"{node.name}/constant_{place}"
                add_constant(result, node.input[place], values[0])
            elif place == _SHAPE_INPUT.get(node.op) and _batch_first(values):
                _free(result, node, place, values[0])
        result.node.append(node)
    return needed(result)


def _equal(values: tuple[NDArray[Any], ...]) -> bool:
    return all(np.array_equal(value, values[0]) for value in values)


def _batch_first(values: tuple[NDArray[Any], ...]) -> bool:
    """Return whether only the first size of a shape differs, in proportion to the batch."""
    first = values[0]
    return first.ndim == 1 and all(
        value[0] == first[0] * batch and np.array_equal(value[1:], first[1:])
        for value, batch in zip(values, _BATCHES, strict=True)
    )


def add_constant(graph: Any, name: str, value: NDArray[Any]) -> None:
    """Add a constant to a GraphDef, in place."""
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))


def _own_batch(graph: Any, node: Any, name: str) -> str:
    """Add `concat(shape(own input)[:1], constant[1:])` to the graph; return its name."""
    build = tf.Graph()
    with build.as_default():
        data = tf.compat.v1.placeholder(tf.float32, name="data")
        constant = tf.compat.v1.placeholder(tf.int32, name="constant")
        batch = tf.shape(data, name="shape")[:1]
        tf.concat([batch, constant[1:]], 0, name="sizes")
    own = {"data": node.input[2], "constant": name}
    for item in build.as_graph_def().node:
        if item.name in own:
            continue
        copy = graph.node.add()
        copy.CopyFrom(item)
        copy.name = f"{name}/{item.name}"
        del copy.input[:]
        copy.input.extend(own.get(source, f"{name}/{source}") for source in item.input)
    return f"{name}/sizes"


def needed(graph: Any) -> Any:
    """Return a GraphDef without the nodes that its output does not need."""
    by_name = {node.name: node for node in graph.node}
    kept: set[str] = {IMAGE}
    pending = [RECONSTRUCTION]
    while pending:
        name = pending.pop()
        if name not in kept:
            kept.add(name)
            pending += map(node_of, by_name[name].input)
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    result.node.extend(node for node in graph.node if node.name in kept)
    return result


def nodes(graph: Any, tensors: Tensors, may_be_code: Callable[[str], bool]) -> list[Node]:
    """Return the nodes for the search of the bottleneck, without constants, in order.

    Args:
        graph: result of `plain` and `without_batch`.
        tensors: measurements of its nodes.
        may_be_code: returns whether the graph could be cut at a node.
    """
    wide = math.prod(tensors.shapes[IMAGE][0])
    constants = {node.name for node in graph.node if node.op == "Const"}
    chosen = []
    for node in graph.node:
        if node.name in constants:
            continue
        # the input of Shape does not count: a shape is not data
        inputs = () if node.op == "Shape" else tuple(map(node_of, node.input))
        size = math.prod(tensors.shapes[node.name][0])
        chosen.append(
            Node(
                node.name,
                tuple(item for item in inputs if item not in constants),
                size if may_be_code(node.name) else max(size, wide),
                node.op in _SAME_VALUES,
            )
        )
    return chosen
