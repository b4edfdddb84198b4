"""Cuts an autoencoder in an `.onnx` file at its code."""

import math

import onnx
from onnx.utils import Extractor

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput
from edgeae.formats.onnx.file import Model, read
from edgeae.importing.bottleneck import Choice, Node, choose

#: Operators that pass their input's values on, in another shape or as floats.
_SAME_VALUES = (
    *("DequantizeLinear", "Flatten", "Identity"),
    *("Reshape", "Squeeze", "Transpose", "Unsqueeze"),
)


def halves(program: VerifiedArtifact, code_layer: str | None) -> tuple[Choice, dict[str, bytes]]:
    """Return the code, and `encoder` and `decoder` → the bytes of its file.

    Args:
        program: a model of one input and one output.
        code_layer: name of the tensor to cut at; None searches for the bottleneck.

    Raises:
        BadInput: there is no bottleneck, the tensor does not exist, the graph cannot be cut at it,
            or the graph has control flow.
    """
    model = read(program.content, str(program.path))
    _check_plain(model)
    source, target = program.artifact.input.name, program.artifact.output.name
    choice = choose(_nodes(model, source), source, target, code_layer)
    graph = Extractor(onnx.shape_inference.infer_shapes(model.proto))
    try:
        cuts = {
            "encoder": graph.extract_model([source], [choice.name]),
            "decoder": graph.extract_model([choice.name], [target]),
        }
    except ValueError as error:
        raise BadInput(f"cannot cut at {choice.name}: {error}") from None
    return choice, {part: cut.SerializeToString(deterministic=True) for part, cut in cuts.items()}


def _check_plain(model: Model) -> None:
    graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    for node in model.nodes:
        if any(attribute.type in graphs for attribute in node.attribute):
            raise BadInput(f"operator {node.op_type} has a subgraph; allowed are plain operators")


def _nodes(model: Model, source: str) -> list[Node]:
    width = math.prod(model.shapes[source])
    nodes = [Node(source, (), width)]
    for operator in model.nodes:
        inputs = tuple(name for name in operator.input if name and name not in model.constants)
        nodes += [
            Node(
                name,
                inputs,
                # a tensor without an inferred shape cannot be the code
                math.prod(model.shapes[name]) if name in model.shapes else width,
                same_values=operator.op_type in _SAME_VALUES,
            )
            for name in operator.output
            if name
        ]
    return nodes
