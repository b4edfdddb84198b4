"""A whole autoencoder as `.tflite`, cut at its code."""

import math
from collections import Counter

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.formats.tflite.cut import cut
from edgeae.formats.tflite.graph import Graph, read, write
from edgeae.importing.bottleneck import Choice, Node, choose

#: Operators whose output is their input's values, in another shape or as floats.
_SAME_VALUES = ("DEQUANTIZE", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE")


def halves(program: VerifiedArtifact, code_layer: str | None) -> tuple[Choice, dict[str, bytes]]:
    """Return where the graph was cut, and `encoder` and `decoder` → the bytes of a file.

    Args:
        program: of one input and one output.
        code_layer: a tensor's name; None takes the narrowest.

    Raises:
        BadInput: there is no bottleneck, or the tensor does not exist or cannot be cut at.
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
    """Name each tensor; the format does not ask for names, nor for different ones."""
    found = Counter(tensor.name for tensor in graph.tensors)
    return [
        tensor.name if tensor.name and found[tensor.name] == 1 else f"{tensor.name}#{index}"
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
