"""Translates an ONNX graph to a flat Keras architecture with its weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.importing.keras.architecture import Architecture, LayerSpec
from edgeae.importing.onnx import graph as graphs
from edgeae.importing.onnx.graph import Graph
from edgeae.importing.onnx.layout import Shape
from edgeae.importing.onnx.operators import ALLOWED, RULES
from edgeae.importing.onnx.patterns import PARTS, recognized
from edgeae.importing.onnx.settling import Settled, settled
from edgeae.importing.onnx.translation import INPUT, Translation

#: What also works, for the errors of files that cannot be translated.
ADVICE = "--as-is imports the file as it is, to verify, bench and gate"


@dataclass(frozen=True)
class Translated:
    """A flat model that computes what the graph computes.

    Attributes:
        flat: its architecture; `aliases` has the graph's names of operators and tensors.
        shapes: name of the input and of each layer → shape of its output, without the batch.
        weights: layer → its weights, in the order of Keras.
        reordered: layers whose values have another order than the tensor of the graph.
        layout: one line that says which shape rows have if layers transpose them; or empty.
    """

    flat: Architecture
    shapes: dict[str, Shape]
    weights: dict[str, list[NDArray[np.float32]]]
    reordered: frozenset[str]
    layout: str = ""


def translated(contents: Sequence[bytes], origins: Sequence[str]) -> Translated:
    """Return the flat model of a file, or of an encoder and a decoder.

    Args:
        contents: the bytes of one file or two, with all weights in them.
        origins: their names, for errors.

    Raises:
        BadInput: an operator, or its use, is not one that Keras's layers compute; the message names
            file, operator and node, and what would work.
    """
    try:
        items = [graphs.read(*pair) for pair in zip(contents, origins, strict=True)]
        whole = items[0] if len(items) == 1 else graphs.joined(*items)
        return _translated(whole, items[0].target if len(items) > 1 else "")
    except BadInput as error:
        raise BadInput(f"{error}; {ADVICE}") from None


def _translated(graph: Graph, encoder_output: str) -> Translated:
    graph = recognized(graph)
    graphs.check_types(graph)
    t = Translation(graph)
    for operator in graph.operators:
        rule = RULES.get(operator.kind)
        if rule is None:
            allowed = f"cannot be translated; allowed are {', '.join(ALLOWED)}"
            raise t.refused(operator, PARTS.get(operator.kind, allowed))
        rule(t, operator)
        t.names[operator.name] = operator.outputs[0]
    final = settled(t, t.end())
    code = f"encoder/{encoder_output}" if encoder_output else ""
    return Translated(
        _architecture(t, final, code),
        final.shapes,
        final.weights,
        _reordered(t, final),
        _layout(t, final),
    )


def _architecture(t: Translation, final: Settled, code: str) -> Architecture:
    aliases = {
        name: final.renamed.get(view.layer, view.layer)
        for name, view in t.views.items()
        if view.layer != INPUT
    }
    aliases |= {name: aliases[tensor] for name, tensor in t.names.items() if tensor in aliases}
    layers = tuple(_ended(item, aliases.get(code, "")) for item in final.layers)
    own = {item.name for item in layers}
    return Architecture(
        final.shapes[INPUT],
        INPUT,
        final.output,
        layers,
        {name: layer for name, layer in aliases.items() if name not in own},
        code=aliases.get(code, ""),
    )


def _ended(layer: LayerSpec, code: str) -> LayerSpec:
    return replace(layer, end=True) if layer.name == code else layer


def _reordered(t: Translation, final: Settled) -> frozenset[str]:
    found = {view.layer for view in t.views.values() if not view.in_order} | final.moved
    return frozenset(final.renamed.get(name, name) for name in found)


def _layout(t: Translation, final: Settled) -> str:
    """Return a line on the layout of rows with several channels; else empty."""
    count = sum(item.kind == "Permute" for item in final.layers)
    if not count or t.one_channel:
        return ""
    told = "×".join(map(str, final.shapes[INPUT]))
    return f"rows stay as the file takes them, {told}; transpositions inside: {count}"
