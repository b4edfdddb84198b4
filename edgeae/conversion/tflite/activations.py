"""Samples the activations of a float TFLite graph over the representative images."""

import math
from collections.abc import Iterator

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edgeae.formats.tflite.graph import Graph
from edgeae.metrics.quantization import saturation

#: Operators whose integer kernels prescribe the output range, independent of the calibration.
FIXED = ("LOGISTIC", "SOFTMAX", "TANH", "L2_NORMALIZATION")
#: Operator → the activation that it computes.
_SATURATING = {"LOGISTIC": "sigmoid", "TANH": "tanh"}
#: Operators that only move or average values: their integer kernels need one range for all inputs
#: and outputs.
_MOVING = (
    "AVERAGE_POOL_2D",
    "BATCH_TO_SPACE_ND",
    "CONCATENATION",
    "DEPTH_TO_SPACE",
    "EXPAND_DIMS",
    "GATHER",
    "MAX_POOL_2D",
    "MIRROR_PAD",
    "PACK",
    "PAD",
    "PADV2",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "SLICE",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
)
#: Number of values kept per activation; larger activations are sampled.
_KEPT = 1 << 20
_SEED = 0


def runs(content: bytes, images: NDArray[np.float32]) -> Iterator[Interpreter]:
    """Run a float graph on each image, and yield the interpreter, whose tensors can be read.

    Args:
        content: the flatbuffer, with one input of shape (1, …).
        images: (n, …) images.
    """
    # the interpreter's own kernels, because a delegate does not expose inner tensors
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    for image in images:
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        yield interpreter


def sample(
    content: bytes, graph: Graph, images: NDArray[np.float32]
) -> dict[int, NDArray[np.float32]]:
    """Return index of each activation → its values over all images, flat, at most about 2²⁰.

    Larger activations are sampled at random.

    Args:
        content: flatbuffer of a float graph.
        graph: the graph that was read from it.
        images: (n, …) images.
    """
    sizes = {
        index: math.prod(graph.tensors[index].shape)
        for index in dict.fromkeys(
            index for operator in graph.operators for index in (*operator.inputs, *operator.outputs)
        )
        if index >= 0 and graph.tensors[index].data is None
    }
    draw = np.random.default_rng(_SEED)
    most = max(1, _KEPT // len(images))
    taken: dict[int, list[NDArray[np.float32]]] = {index: [] for index in sizes}
    for interpreter in runs(content, images):
        for index, size in sizes.items():
            values = interpreter.get_tensor(index).reshape(-1)
            taken[index].append(values if size <= most else values[draw.integers(0, size, most)])
    return {index: np.concatenate(values) for index, values in taken.items()}


def groups(graph: Graph) -> list[set[int]]:
    """Return the groups of activations that must share a range: values move between them."""
    disjoint: list[set[int]] = []
    for operator in graph.operators:
        edges = [
            index
            for index in (*operator.inputs, *operator.outputs)
            if index >= 0
            and graph.tensors[index].data is None
            and graph.tensors[index].dtype == "float32"
        ]
        joined = [set(edges)] if operator.name in _MOVING else [{index} for index in edges]
        for new in joined:
            touching = [group for group in disjoint if group & new]
            disjoint = [group for group in disjoint if not group & new]
            disjoint.append(new.union(*touching))
    return disjoint


def reach(graph: Graph, group: set[int], dtype: str) -> float:
    """Return the magnitude beyond which the values of a group make no difference, or infinity.

    The limit is finite only if all readers are sigmoids, or all are tanhs, which saturate: see
    `quantization.saturation`.

    Args:
        graph: a float graph.
        group: one of `groups`.
        dtype: `int8` or `int16`.
    """
    readers = [item for item in graph.operators if group & set(item.inputs)]
    names = {item.name for item in readers if item.name not in _MOVING}
    if group & set(graph.outputs.values()) or len(names) != 1:
        return math.inf
    return saturation(_SATURATING.get(names.pop(), ""), dtype)
