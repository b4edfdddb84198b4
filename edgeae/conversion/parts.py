"""The three parts of a converted model, cut at the code and checked."""

import math

from edgeae.bundle import EDGES
from edgeae.errors import OutOfTolerance
from edgeae.formats import census
from edgeae.formats.cut import cut, with_edges
from edgeae.formats.tflite import Graph
from edgeae.recipe import PARTS, Recipe

__all__ = ["cut_parts"]

#: A scale is a float32, and a range was float32 before it was divided.
_FLOAT32 = 1e-6


def cut_parts(whole: Graph, recipe: Recipe, bounds: tuple[float, float] | None) -> dict[str, Graph]:
    """Cut encoder, decoder and autoencoder, give them the recipe's edges and check them.

    Args:
        whole: image → code and reconstruction.
        recipe: `io`, `quantization` and `prune` are used.
        bounds: the least and largest real value of an input, where that is known.

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
        _check(part, graph, recipe, bounds)
    return cuts


def _check(part: str, graph: Graph, recipe: Recipe, bounds: tuple[float, float] | None) -> None:
    if recipe.quantization == "int8":
        floats = census.float_operators(graph)
        if floats:
            raise OutOfTolerance(
                f"{part}.tflite: int8, but it computes in float: {', '.join(floats)}"
            )
        if bounds is not None:
            _check_pixels(part, graph, bounds)
    if recipe.prune is not None:
        sizes = {tensor.name: math.prod(tensor.shape) for tensor in graph.tensors}
        dense = _depthwise(graph)
        for name, share in census.sparsity(graph).items():
            if name in dense:
                continue
            # tfmot keeps a whole number of weights: in a small matrix, half a weight more
            if share < recipe.prune.sparsity - 1 / sizes[name]:
                asked = f"{recipe.prune.sparsity:.0%} asked"
                raise OutOfTolerance(f"{part}.tflite: {name} holds {share:.1%} zeros, {asked}")


def _depthwise(graph: Graph) -> set[str]:
    """Return the kernels that pruning leaves alone: one filter a channel, few weights."""
    kernels = (item.inputs[1] for item in graph.operators if item.name == "DEPTHWISE_CONV_2D")
    return {graph.tensors[at].name for at in kernels}


def _check_pixels(part: str, graph: Graph, bounds: tuple[float, float]) -> None:
    if "image" not in graph.inputs:
        return
    (spec,) = census.edge_specs(graph, graph.inputs)
    grid = spec.grid
    # a grid of int8 always holds 0
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    needed = (high - low) / 255
    if grid is None or not math.isclose(grid.scale, needed, rel_tol=_FLOAT32):
        raise OutOfTolerance(
            f"{part}.tflite: input scale {spec.scale}, inputs from {low:g} to {high:g} need "
            f"{needed:.9g}"
        )
