"""The three parts of a converted model, cut at the code and checked."""

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
    if recipe.prune is not None:
        for name, share in census.sparsity(graph).items():
            # one weight of a small matrix may round the other way
            if share < recipe.prune.sparsity - 0.001:
                asked = f"{recipe.prune.sparsity:.0%} asked"
                raise OutOfTolerance(f"{part}.tflite: {name} holds {share:.1%} zeros, {asked}")
