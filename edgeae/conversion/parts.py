"""Cuts the three parts out of a converted model, and checks them."""

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
#: Relative tolerance of a scale: scales and ranges are rounded to float32.
_FLOAT32 = 1e-6


def cut_parts(
    whole: Graph,
    recipe: Recipe,
    bounds: tuple[float, float] | None,
    kept: tuple[Kept, ...] = (),
) -> dict[str, Graph]:
    """Return encoder, decoder and autoencoder with the recipe's input and output types, checked.

    Args:
        whole: a graph image → code and reconstruction.
        recipe: `io`, `quantization`, `prune` and `cluster` are used.
        bounds: the least and largest real value of an input; None if they are not known.
        kept: zeros and numbers of values that the weights must keep from the original.

    Raises:
        BadInput: a connection bypasses the code.
        OutOfTolerance: an int8 part has a float operator, or weights have too few zeros or too many
            values.
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
                f"{part}.tflite: {recipe.quantization}, but it has float operators: "
                f"{', '.join(floats)}; TFLite's converter has no integers for them; allowed is "
                "another operator, such as another activation, or a recipe with floats: float16 or "
                "dynamic"
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
    # a file names tensors, not layers, so each tensor is compared with the smallest sparsity
    asked = min(prune.sparsity, *prune.layers.values()) if prune.layers else prune.sparsity
    shares = graph_statistics.sparsity(graph)
    for tensor in _matrices(graph):
        share, size = shares[tensor.name], math.prod(tensor.shape)
        if share < prune.least(asked, size) and not prune.spares(size, total):
            difference = f"{share:.1%} zeros, {asked:.0%} asked"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {difference}")


def _check_all_zeros(whole: Graph, prune: Prune, total: int) -> None:
    if prune.layers:  # these layers do not count, and a file does not name their tensors
        return
    shares = graph_statistics.sparsity(whole)
    sizes = {tensor.name: math.prod(tensor.shape) for tensor in _matrices(whole)}
    counted = {name: size for name, size in sizes.items() if not prune.spares(size, total)}
    zeros = sum(round(shares[name] * size) for name, size in counted.items())
    if zeros < prune.sparsity * sum(counted.values()):
        difference = f"{zeros / sum(counted.values()):.2%} zeros, {prune.sparsity:.0%} asked"
        raise OutOfTolerance(f"autoencoder.tflite: {difference}")


def _check_values(part: str, graph: Graph, cluster: Cluster, total: int) -> None:
    asked = [cluster.clusters, *cluster.layers.values()]
    if 0 in asked:  # a layer keeps all its values, and it is not known which tensor that is
        return
    for tensor in _matrices(graph):
        count = 0 if tensor.data is None else len(distinct(tensor.data)[0])
        if count > max(asked) and not cluster.spares(math.prod(tensor.shape), total):
            difference = f"{count} values, {max(asked)} asked"
            raise OutOfTolerance(f"{part}.tflite: {tensor.name} holds {difference}")


def _matrices(graph: Graph) -> list[Tensor]:
    """Return the kernels that pruning and clustering work on: all but depthwise ones."""
    names = graph_statistics.sparsity(graph).keys() - _depthwise(graph)
    return [tensor for tensor in graph.tensors if tensor.data is not None and tensor.name in names]


def _depthwise(graph: Graph) -> set[str]:
    """Return the names of the depthwise kernels, which have few weights and are not pruned."""
    stored = graph_statistics.dequantized(graph)  # float16 kernels are behind a DEQUANTIZE
    kernels = (item.inputs[1] for item in graph.operators if item.name == "DEPTHWISE_CONV_2D")
    return {graph.tensors[stored.get(at, at)].name for at in kernels}


def _check_pixels(part: str, graph: Graph, quantization: str, bounds: tuple[float, float]) -> None:
    if "image" not in graph.inputs:
        return
    (spec,) = graph_statistics.edge_specs(graph, graph.inputs)
    grid = spec.grid
    # every grid includes 0, and the grid of int16 is symmetric
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    needed = (high - low) / 255 if quantization == "int8" else max(-low, high) / 32767
    if grid is None or not math.isclose(grid.scale, needed, rel_tol=_FLOAT32):
        raise OutOfTolerance(
            f"{part}.tflite: input scale {spec.scale}, inputs from {low:g} to {high:g} need "
            f"{needed:.9g}"
        )
