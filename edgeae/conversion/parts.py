"""The three parts of a converted model, cut at the code and checked."""

import math

from edgeae.artifacts.bundle import EDGES
from edgeae.conversion.tflite.kept import Kept, check_kept
from edgeae.errors import OutOfTolerance
from edgeae.formats.packed import distinct
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.cut import cut, with_edges
from edgeae.formats.tflite.graph import Graph, Tensor
from edgeae.recipe import PARTS, Cluster, Prune, Recipe

_INTEGER = ("int8", "int16x8")
#: A scale is a float32, and a range was float32 before it was divided.
_FLOAT32 = 1e-6


def cut_parts(
    whole: Graph,
    recipe: Recipe,
    bounds: tuple[float, float] | None,
    kept: tuple[Kept, ...] = (),
) -> dict[str, Graph]:
    """Cut encoder, decoder and autoencoder, give them the recipe's edges and check them.

    Args:
        whole: image → code and reconstruction.
        recipe: `io`, `quantization`, `prune` and `cluster` are used.
        bounds: the least and largest real value of an input, where that is known.
        kept: what the weights must hold of the original's.

    Raises:
        BadInput: a connection goes around the code.
        OutOfTolerance: an int8 part holds a float operator, or weights hold too few zeros or too
            many values.
    """
    tensors = whole.inputs | whole.outputs
    cuts = {
        part: cut(whole, {source: tensors[source]}, {target: tensors[target]})
        for part, (source, target) in ((part, EDGES[part]) for part in PARTS)
    }
    if recipe.quantization in _INTEGER:
        cuts = {part: with_edges(graph, recipe.io) for part, graph in cuts.items()}
    for part, graph in cuts.items():
        _check(part, graph, recipe, bounds)
        check_kept(part, graph, kept)
    if recipe.fine_tunes:
        _check_steps(whole, cuts, recipe)
    return cuts


def _check(part: str, graph: Graph, recipe: Recipe, bounds: tuple[float, float] | None) -> None:
    if recipe.quantization in _INTEGER:
        floats = graph_statistics.float_operators(graph)
        if floats:
            raise OutOfTolerance(
                f"{part}.tflite: {recipe.quantization}, but it computes in float: "
                f"{', '.join(floats)}"
            )
        if bounds is not None:
            _check_pixels(part, graph, recipe.quantization, bounds)


def _check_steps(whole: Graph, cuts: dict[str, Graph], recipe: Recipe) -> None:
    total = sum(math.prod(tensor.shape) for tensor in _matrices(whole))
    if recipe.prune is not None and recipe.prune.scope == "model":
        _check_all_zeros(whole, recipe.prune, total)
    for part, graph in cuts.items():
        if recipe.prune is not None and recipe.prune.scope == "layer":
            _check_zeros(part, graph, recipe.prune, total)
        if recipe.cluster is not None:
            _check_values(part, graph, recipe.cluster, total)


def _check_zeros(part: str, graph: Graph, prune: Prune, total: int) -> None:
    # a file names tensors, not layers: each has at least what the least pruned layer was to get
    asked = min(prune.sparsity, *prune.layers.values()) if prune.layers else prune.sparsity
    shares = graph_statistics.sparsity(graph)
    for tensor in _matrices(graph):
        share = shares[tensor.name]
        if share < asked and not prune.spares(math.prod(tensor.shape), total):
            told = f"{share:.1%} zeros, {asked:.0%} asked"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {told}")


def _check_all_zeros(whole: Graph, prune: Prune, total: int) -> None:
    if prune.layers:  # which tensors are theirs, and do not count, a file does not say
        return
    shares = graph_statistics.sparsity(whole)
    sizes = {tensor.name: math.prod(tensor.shape) for tensor in _matrices(whole)}
    counted = {name: size for name, size in sizes.items() if not prune.spares(size, total)}
    zeros = sum(round(shares[name] * size) for name, size in counted.items())
    if zeros < prune.sparsity * sum(counted.values()):
        told = f"{zeros / sum(counted.values()):.2%} zeros, {prune.sparsity:.0%} asked"
        raise OutOfTolerance(f"autoencoder.tflite: {told}")


def _check_values(part: str, graph: Graph, cluster: Cluster, total: int) -> None:
    asked = [cluster.clusters, *cluster.layers.values()]
    if 0 in asked:  # some layer keeps all its values
        return
    for tensor in _matrices(graph):
        found = 0 if tensor.data is None else len(distinct(tensor.data)[0])
        if found > max(asked) and not cluster.spares(math.prod(tensor.shape), total):
            told = f"{found} values, {max(asked)} asked"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {told}")


def _matrices(graph: Graph) -> list[Tensor]:
    """Return the constants that pruning and clustering work on: all kernels but depthwise ones."""
    names = graph_statistics.sparsity(graph).keys() - _depthwise(graph)
    return [tensor for tensor in graph.tensors if tensor.data is not None and tensor.name in names]


def _depthwise(graph: Graph) -> set[str]:
    """Return the kernels that pruning leaves alone: one filter a channel, few weights."""
    stored = graph_statistics.dequantized(graph)  # of float16
    kernels = (item.inputs[1] for item in graph.operators if item.name == "DEPTHWISE_CONV_2D")
    return {graph.tensors[stored.get(at, at)].name for at in kernels}


def _check_pixels(part: str, graph: Graph, quantization: str, bounds: tuple[float, float]) -> None:
    if "image" not in graph.inputs:
        return
    (spec,) = graph_statistics.edge_specs(graph, graph.inputs)
    grid = spec.grid
    # a grid always holds 0, and that of int16 is symmetric
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    needed = (high - low) / 255 if quantization == "int8" else max(-low, high) / 32767
    if grid is None or not math.isclose(grid.scale, needed, rel_tol=_FLOAT32):
        raise OutOfTolerance(
            f"{part}.tflite: input scale {spec.scale}, inputs from {low:g} to {high:g} need "
            f"{needed:.9g}"
        )
