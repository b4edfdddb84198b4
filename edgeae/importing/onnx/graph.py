"""Reads an ONNX graph for translation: constants folded, every shape known, the batch left out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.formats.onnx import file as onnx_file
from edgeae.formats.onnx.folding import fold, with_batch
from edgeae.importing.onnx.layout import Shape

#: The operator sets that `torch.onnx` writes today begin here.
_OLDEST_OPSET = 11
#: Size that stands for a free batch: a prime, so that no other size is a multiple of it by chance.
_FREE_BATCH = 1_000_003
_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
#: Operators that have subgraphs or keep a state, which no layer has.
_CONTROL = ("If", "Loop", "Scan", "SequenceMap")


@dataclass(frozen=True)
class Operator:
    """One operator of the graph.

    Attributes:
        kind: ONNX's name of it; or one of those that `patterns` puts in the place of several.
        name: name of its node, or else of its first output.
        inputs: names of its input tensors; empty for an optional input that is left out.
        outputs: names of its output tensors.
        attributes: its attributes, as Python values.
        opset: version of ONNX's operators by which it is read.
        part: `encoder` or `decoder`, if these were two files; else empty.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 0
    part: str = ""


@dataclass(frozen=True)
class Graph:
    """A graph of one input and one output.

    Attributes:
        origin: name of the file, for errors.
        source, target: names of the input and of the output tensor.
        operators: those that the output needs, each after its inputs.
        constants: name → values.
        shapes: tensor → shape, without the batch.
        types: tensor → numpy's name of its element type.
    """

    origin: str
    source: str
    target: str
    operators: tuple[Operator, ...]
    constants: dict[str, NDArray[Any]]
    shapes: dict[str, Shape]
    types: dict[str, str]

    def readers(self) -> dict[str, list[Operator]]:
        """Return tensor → the operators that read it."""
        found: dict[str, list[Operator]] = {}
        for operator in self.operators:
            for name in operator.inputs:
                found.setdefault(name, []).append(operator)
        return found


def read(content: bytes, origin: str) -> Graph:
    """Return the graph in an ONNX file.

    Args:
        content: the file's bytes, with all weights in it.
        origin: name of the file, for errors.

    Raises:
        BadInput: the file is damaged, or has control flow, an operator set that is too old,
            operators of another domain, values other than float32, a shape that is not known
            before the graph runs, or an operator that mixes the rows of a batch.
    """
    proto = onnx.inliner.inline_local_functions(onnx_file.read(content, origin).proto)
    opset = _check(proto, origin)
    batch = _fixed_batch(proto) or _FREE_BATCH
    folded = fold(with_batch(proto, batch))
    nodes = list(_needed(folded.proto.graph, folded.constants))
    source, target = _source(proto), proto.graph.output[0].name
    read_on = {target, *(name for node in nodes for name in node.input)} - {""}
    shapes = {source: folded.shapes[source][1:]}
    for node in nodes:
        for name in node.output:
            shape = folded.shapes.get(name)
            if name in read_on:
                _check_shape(f"{origin}: {_where(node)}", shape, batch)
            if shape:
                shapes[name] = shape[1:]
    return Graph(
        origin,
        source,
        target,
        tuple(_operator(node, opset) for node in nodes),
        folded.constants,
        shapes,
        folded.types,
    )


def _check(proto: Any, origin: str) -> int:
    """Check operators, domains and the operator set; return its version."""
    for node in proto.graph.node:
        where = f"{origin}: {_where(node)}"
        if node.op_type in _CONTROL or any(item.type in _GRAPHS for item in node.attribute):
            raise BadInput(f"{where}: control flow; allowed are plain operators")
        if onnx_file.domain(node):
            raise BadInput(f"{where}: is of the domain {node.domain}; allowed are ONNX's own")
    sets = {onnx_file.domain(item): item.version for item in proto.opset_import}
    version = int(sets.get("", 0))
    if version < _OLDEST_OPSET:
        raise BadInput(
            f"{origin}: written with opset {version}; allowed is {_OLDEST_OPSET} or newer: "
            f"torch.onnx.export(…, opset_version=18)"
        )
    return version


def told(node: Any) -> str:
    """Return the name of a node, or else that of its first output."""
    return str(node.name or next(iter(node.output), ""))


def _source(proto: Any) -> str:
    constants = {item.name for item in proto.graph.initializer}
    (name,) = (item.name for item in proto.graph.input if item.name not in constants)
    return str(name)


def _fixed_batch(proto: Any) -> int:
    name = _source(proto)
    (value,) = (item for item in proto.graph.input if item.name == name)
    return int(value.type.tensor_type.shape.dim[0].dim_value)


def _needed(graph: Any, constants: dict[str, NDArray[Any]]) -> Iterator[Any]:
    """Yield the nodes that the output depends on, without those that only compute constants."""
    wanted, kept = {graph.output[0].name}, []
    for node in reversed(graph.node):
        if any(name in wanted and name not in constants for name in node.output):
            wanted.update(node.input)
            kept.append(node)
    yield from reversed(kept)


def _where(node: Any) -> str:
    return f"operator {node.op_type} (node {told(node)!r})"


def _check_shape(where: str, shape: Shape | None, batch: int) -> None:
    if shape is None:
        raise BadInput(
            f"{where}: the shape of its output depends on values, or has a free size; allowed are "
            "a free batch and fixed sizes: torch.onnx.export with only dimension 0 dynamic"
        )
    if not shape or shape[0] != batch or any(size % _FREE_BATCH == 0 for size in shape[1:]):
        raise BadInput(
            f"{where}: mixes the rows of a batch with other dimensions; allowed is an output whose "
            "first dimension is the batch"
        )


def check_types(graph: Graph) -> None:
    """Check that everything that is computed is float32.

    Raises:
        BadInput: it is not; the message names the tensor.
    """
    for operator in graph.operators:
        for name in operator.outputs[:1]:
            kind = graph.types.get(name, "float32")
            if kind != "float32":
                raise BadInput(
                    f"{graph.origin}: operator {operator.kind} (node {operator.name!r}): tensor "
                    f"{name!r} is {kind}; allowed is float32"
                )


def _operator(node: Any, opset: int) -> Operator:
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    attributes = {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in attributes.items()
    }
    edges = tuple(node.input), tuple(node.output)
    return Operator(node.op_type, told(node), *edges, attributes, opset)


def joined(encoder: Graph, decoder: Graph) -> Graph:
    """Return the graph of decoder(encoder(x)); the tensors of each have its name before theirs.

    Raises:
        BadInput: the decoder does not take the shape of the encoder's codes.
    """
    first = _renamed(encoder, "encoder", {})
    second = _renamed(decoder, "decoder", {decoder.source: first.target})
    taken, given = decoder.shapes[decoder.source], encoder.shapes[encoder.target]
    if taken != given:
        raise BadInput(f"{decoder.origin}: takes codes of {taken}; {encoder.origin} gives {given}")
    return Graph(
        f"{encoder.origin}, {decoder.origin}",
        first.source,
        second.target,
        (*first.operators, *second.operators),
        first.constants | second.constants,
        second.shapes | first.shapes,
        second.types | first.types,
    )


def _renamed(graph: Graph, part: str, names: dict[str, str]) -> Graph:
    def new(name: str) -> str:
        return names.get(name, f"{part}/{name}") if name else ""

    return Graph(
        graph.origin,
        new(graph.source),
        new(graph.target),
        tuple(
            replace(
                item,
                name=f"{part}/{item.name}",
                part=part,
                inputs=tuple(map(new, item.inputs)),
                outputs=tuple(map(new, item.outputs)),
            )
            for item in graph.operators
        ),
        {new(name): values for name, values in graph.constants.items()},
        {new(name): shape for name, shape in graph.shapes.items()},
        {new(name): kind for name, kind in graph.types.items()},
    )


def float32(graph: Graph, operator: Operator, place: int) -> NDArray[np.float32]:
    """Return the float32 constant at an input of an operator.

    Raises:
        BadInput: the input is not a constant, or not float32; the message names the operator.
    """
    name = operator.inputs[place] if place < len(operator.inputs) else ""
    values = graph.constants.get(name)
    where = f"{graph.origin}: operator {operator.kind} (node {operator.name!r})"
    if values is None:
        raise BadInput(f"{where}: input {place + 1}, {name!r}, is computed; allowed are constants")
    if values.dtype != np.float32:
        raise BadInput(f"{where}: {name!r} is {values.dtype}; allowed is float32")
    return values
