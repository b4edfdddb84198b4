"""Cuts an autoencoder in a `.tflite` file at its code."""

import math
from collections import Counter

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.formats.tflite.cut import cut
from edgeae.formats.tflite.graph import Graph, read, write
from edgeae.importing.bottleneck import Choice, Node, choose

#: Operators that pass their input's values on, in another shape or as floats.
_SAME_VALUES = ("DEQUANTIZE", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE")


def halves(program: VerifiedArtifact, code_layer: str | None) -> tuple[Choice, dict[str, bytes]]:
    """Return the code, and `encoder` and `decoder` → the bytes of its file.

    Args:
        program: a model of one input and one output.
        code_layer: name of the tensor to cut at; None searches for the bottleneck.

    Raises:
        BadInput: there is no bottleneck, the tensor does not exist, or the graph cannot be cut at
            it.
    """
    graph = read(program.content, str(program.path))
    (source,), (target,) = graph.inputs.values(), graph.outputs.values()
    names = _names(graph)
    choice = choose(_nodes(graph, names, source), names[source], names[target], code_layer)
    code = names.index(choice.name)
    encoder = cut(graph, {"image": source}, {"code": code})
    decoder = cut(graph, {"code": code}, {"reconstruction": target})
    return choice, {"encoder": write(encoder), "decoder": write(decoder)}


def _names(graph: Graph) -> list[str]:
    """Return a unique name for each tensor; in the file, names may be missing or repeated."""
    counts = Counter(tensor.name for tensor in graph.tensors)
    return [
        tensor.name if tensor.name and counts[tensor.name] == 1 else f"{tensor.name}#{index}"
        for index, tensor in enumerate(graph.tensors)
    ]


def _nodes(graph: Graph, names: list[str], source: int) -> list[Node]:
    nodes = [Node(names[source], (), math.prod(graph.tensors[source].shape))]
    for operator in graph.operators:
        read_from = (index for index in operator.inputs if index >= 0)
        inputs = tuple(names[index] for index in read_from if graph.tensors[index].data is None)
        nodes += [
            Node(
                names[index],
                inputs,
                math.prod(graph.tensors[index].shape),
                same_values=operator.name in _SAME_VALUES,
            )
            for index in operator.outputs
        ]
    return nodes
