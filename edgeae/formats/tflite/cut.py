"""Cuts a graph at tensors, and changes the element type of its inputs and outputs.

The encoder and the decoder are not converted separately. They are cut out of the converted
autoencoder at the code, so decoder(encoder(x)) equals autoencoder(x) bit for bit on every engine.
"""

from dataclasses import replace

from ai_edge_litert import schema_py_generated as schema

from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, Operator, Tensor

#: Element type of a graph's inputs and outputs → the types that they can be changed to.
_EDGES = {"int8": ("int8", "uint8", "float32"), "int16": ("int16", "float32")}
#: Operator and element type of its integer tensor → version, as in TFLite's
#: tools/versioning/op_version.cc; version 1 of QUANTIZE also rescales int8 ↔ uint8.
_VERSIONS = {
    ("QUANTIZE", "int8"): 1,
    ("QUANTIZE", "int16"): 2,
    ("DEQUANTIZE", "int8"): 2,
    ("DEQUANTIZE", "int16"): 3,
}


def cut(graph: Graph, inputs: dict[str, int], outputs: dict[str, int]) -> Graph:
    """Return the part of a graph that computes `outputs` from `inputs`.

    Args:
        graph: the graph to cut; it is not changed.
        inputs: name of each input of the part → tensor index in `graph`.
        outputs: name of each output of the part → tensor index in `graph`.

    Raises:
        BadInput: a tensor does not exist; or an output also depends on an input of `graph` that is
            not in `inputs`, as with a skip connection around the code. The message names the
            operator.
    """
    for name, index in (inputs | outputs).items():
        if not 0 <= index < len(graph.tensors):
            raise BadInput(f"cannot cut at {name!r}: no tensor {index} of {len(graph.tensors)}")
    needed = _needed(graph, set(inputs.values()), list(outputs.values()))
    operators = [op for op in graph.operators if needed.intersection(op.outputs)]
    kept = sorted(
        {index for op in operators for index in (*op.inputs, *op.outputs) if index >= 0}
        | set(inputs.values())
        | set(outputs.values())
    )
    place = {old: new for new, old in enumerate(kept)} | {-1: -1}
    names = {index: name for name, index in (inputs | outputs).items()}
    return Graph(
        tuple(
            replace(graph.tensors[old], name=names.get(old, graph.tensors[old].name))
            for old in kept
        ),
        tuple(_moved(operator, place) for operator in operators),
        {name: place[index] for name, index in inputs.items()},
        {name: place[index] for name, index in outputs.items()},
        graph.metadata,
    )


def _needed(graph: Graph, sources: set[int], targets: list[int]) -> set[int]:
    producer = {index: op for op in graph.operators for index in op.outputs}
    needed: set[int] = set()
    pending = [(index, None) for index in targets]
    while pending:
        index, reader = pending.pop()
        if index in needed or index in sources or index < 0:
            continue
        if index not in producer:
            if graph.tensors[index].data is None:
                user = f" of {reader.name}" if reader else ""
                raise BadInput(
                    f"cannot cut: input {graph.tensors[index].name!r}{user} bypasses the cut"
                )
            continue
        operator = producer[index]
        needed.update(operator.outputs)
        pending += [(source, operator) for source in operator.inputs]  # type: ignore[misc]
    return needed


def _moved(operator: Operator, place: dict[int, int]) -> Operator:
    return replace(
        operator,
        inputs=tuple(place[index] for index in operator.inputs),
        outputs=tuple(place[index] for index in operator.outputs),
    )


def with_edges(graph: Graph, dtype: str) -> Graph:
    """Return an int8 or int16 graph with another element type at its inputs and outputs.

    `uint8` keeps the scale of int8 and adds 128 to the zero point. `float32` adds a QUANTIZE and a
    DEQUANTIZE to the graph. The operators in between are not changed.

    Args:
        graph: its inputs and outputs are all int8 or all int16, with per-tensor scales.
        dtype: `float32`, `uint8` (only for int8), or the type of `graph`, which returns `graph`.

    Raises:
        BadInput: `dtype` is none of these, or the inputs and outputs of `graph` are not as above.
    """
    inner = _integers(graph)
    if dtype not in _EDGES[inner]:
        raise BadInput(f"input and output type {dtype!r}: allowed are {', '.join(_EDGES[inner])}")
    if dtype == inner:
        return graph
    for name in graph.inputs:
        graph = _with_input(graph, name, dtype)
    for name in graph.outputs:
        graph = _with_output(graph, name, dtype)
    return graph


def _integers(graph: Graph) -> str:
    """Return the integer type that all inputs and outputs have."""
    edges = {name: graph.tensors[index] for name, index in (graph.inputs | graph.outputs).items()}
    inner = next((item.dtype for item in edges.values() if item.dtype in _EDGES), "int8")
    for name, tensor in edges.items():
        if tensor.dtype != inner or tensor.affine is None:
            raise BadInput(f"input or output {name!r} is {tensor.dtype}, not {inner}")
    return inner


def _with_input(graph: Graph, name: str, dtype: str) -> Graph:
    inside, outside = graph.inputs[name], len(graph.tensors)
    inner = graph.tensors[inside]
    return replace(
        graph,
        tensors=(*_renamed(graph, inside), _edge(inner, name, dtype)),
        operators=(_operator("QUANTIZE", inner.dtype, outside, inside), *graph.operators),
        inputs=graph.inputs | {name: outside},
    )


def _with_output(graph: Graph, name: str, dtype: str) -> Graph:
    inside, outside = graph.outputs[name], len(graph.tensors)
    inner = graph.tensors[inside]
    conversion = "DEQUANTIZE" if dtype == "float32" else "QUANTIZE"
    return replace(
        graph,
        tensors=(*_renamed(graph, inside), _edge(inner, name, dtype)),
        operators=(*graph.operators, _operator(conversion, inner.dtype, inside, outside)),
        outputs=graph.outputs | {name: outside},
    )


def _renamed(graph: Graph, index: int) -> tuple[Tensor, ...]:
    tensor = graph.tensors[index]
    inner = replace(tensor, name=f"{tensor.name}_{tensor.dtype}")
    return (*graph.tensors[:index], inner, *graph.tensors[index + 1 :])


def _edge(inner: Tensor, name: str, dtype: str) -> Tensor:
    if dtype == "float32":
        return Tensor(name, inner.shape, dtype)
    return replace(inner, name=name, dtype=dtype, zero_points=(inner.zero_points[0] + 128,))


def _operator(name: str, inner: str, source: int, target: int) -> Operator:
    settings = schema.OperatorT()
    kind = "QuantizeOptions" if name == "QUANTIZE" else "DequantizeOptions"
    settings.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    settings.builtinOptions = getattr(schema, f"{kind}T")()
    return Operator(name, _VERSIONS[name, inner], (source,), (target,), settings)


def prefix(graph: Graph, count: int) -> Graph:
    """Return a graph of the first `count` operators with the inputs of `graph`.

    Its outputs are the results that later operators read (several if a skip connection is cut), the
    results that `graph` returns, and the results that no operator reads, so that engines compute
    them.

    Raises:
        BadInput: `count` is not between 1 and the number of operators, or the last operator of the
            prefix has no result to cut at.
    """
    if not 1 <= count <= len(graph.operators):
        raise BadInput(f"a prefix of {count} operators: the graph has {len(graph.operators)}")
    done, later = graph.operators[:count], graph.operators[count:]
    if not any(index >= 0 for index in done[-1].outputs):
        raise BadInput(f"operator {count - 1}, {done[-1].name}, has no result to cut at")
    read_before = {index for operator in done for index in operator.inputs}
    read_later = {index for operator in later for index in operator.inputs}
    wanted = read_later | set(graph.outputs.values())
    made = dict.fromkeys(index for operator in done for index in operator.outputs if index >= 0)
    outputs = [index for index in made if index in wanted or index not in read_before]
    # the result of the last operator comes first: it is the one that a session reads
    outputs.sort(key=lambda index: index not in done[-1].outputs)
    return cut(graph, graph.inputs, {f"prefix/{index}": index for index in outputs})
