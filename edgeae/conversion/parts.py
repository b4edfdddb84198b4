"""The three parts of a converted model, cut at the code and checked."""

from math import prod

import numpy as np

from edgeae.bundle import EDGES
from edgeae.errors import OutOfTolerance
from edgeae.formats import census
from edgeae.formats.cut import cut, with_edges
from edgeae.formats.tflite import Graph
from edgeae.recipe import PARTS, Recipe

__all__ = ["cut_parts"]


def cut_parts(whole: Graph, recipe: Recipe) -> dict[str, Graph]:
    """Cut encoder, decoder and autoencoder, give them the recipe's edges and check them.

    Args:
        whole: image → code and reconstruction.
        recipe: `io`, `quantization` and `prune` are used.

    Raises:
        BadInput: a connection goes around the code.
        OutOfTolerance: an int8 part holds a float operator, or a pruned one too few zeros.
    """
    tensors = whole.inputs | whole.outputs
    cuts = {
        part: cut(whole, {source: tensors[source]}, {target: tensors[target]})
        for part, (source, target) in ((part, EDGES[part]) for part in PARTS)
    }
    if recipe.quantization == "int8":
        cuts = {part: with_edges(graph, recipe.io) for part, graph in cuts.items()}
    for part, graph in cuts.items():
        _check(part, graph, recipe)
    return cuts


def _check(part: str, graph: Graph, recipe: Recipe) -> None:
    if recipe.quantization == "int8":
        floats = census.float_operators(graph)
        if floats:
            raise OutOfTolerance(
                f"{part}.tflite: int8, but it computes in float: {', '.join(floats)}"
            )
        _check_pixels(part, graph)
    if recipe.prune is not None:
        sizes = {tensor.name: prod(tensor.shape) for tensor in graph.tensors}
        for name, share in census.sparsity(graph).items():
            # tfmot keeps a whole number of weights: in a small matrix, half a weight more
            if share < recipe.prune.sparsity - 1 / sizes[name]:
                asked = f"{recipe.prune.sparsity:.0%} asked"
                raise OutOfTolerance(f"{part}.tflite: {name} holds {share:.1%} zeros, {asked}")


def _check_pixels(part: str, graph: Graph) -> None:
    if "image" not in graph.inputs:
        return
    (spec,) = census.edge_specs(graph, graph.inputs)
    grid = spec.grid
    if grid is None or grid.scale != float(np.float32(1 / 255)):
        raise OutOfTolerance(f"{part}.tflite: input scale {spec.scale}, pixels need 1/255")
