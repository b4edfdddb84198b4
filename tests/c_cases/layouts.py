"""Random layers for comparing layouts with the reference kernels, mostly of shapes they take."""

from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases.convolution import Size, Sizes, case, edges, filters, options_of, outputs
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor, read, write

RELU = 1


def convolution(rng) -> Case:
    """A CONV_2D without groups and dilation; most of them end with RELU, at any zero point."""
    while True:
        pairs = [tuple(int(rng.integers(1, top)) for _ in range(2)) for top in (12, 6, 4)]
        padding = int(rng.random() < 0.2)  # mostly SAME
        sizes = Sizes(pairs[0], pairs[1], pairs[2], (1, 1), padding)
        if min(outputs(sizes)) > 0:
            break
    depth, channels = int(rng.choice([1, 1, 2, 3, 4, 8, 12, 16])), int(rng.integers(4, 27))
    size = Size(127, 10 ** rng.uniform(-4, -1), depth * sizes.taps[0] * sizes.taps[1])
    batches = int(rng.integers(1, 3))
    shapes = (batches, *sizes.extents, depth), (batches, *outputs(sizes), channels)
    source, target = edges(rng, "int8", *shapes, size)
    source, target = _edge(rng, source), _edge(rng, target)
    weights, bias = filters(
        rng, ("int8", "int8", "int32"), (channels, *sizes.taps, depth), 0, source, size
    )
    options = options_of(rng, schema.Conv2DOptionsT, sizes, "int32")
    options.fusedActivationFunction = RELU if rng.random() < 0.8 else 0
    built = case(rng, "CONV_2D", 8, options, (source, target, weights, bias))
    return Case(built.content, _with_background(rng, built.inputs))


def faint_convolution(rng) -> Case:
    """A CONV_2D with sums of up to 31 bits, and an output whose scale shifts them by 23 to 29."""
    drawn = convolution(rng)
    graph = read(drawn.content, "case")
    source, weights, bias, target = graph.tensors
    scale = source.scales[0] * max(weights.scales) * 2.0 ** int(rng.integers(24, 27))
    sums = rng.integers(-(2**30), 2**30, bias.shape).astype(np.int32)
    tensors = (
        source,
        weights,
        replace(bias, data=sums),
        replace(target, scales=(float(np.float32(scale)),), zero_points=(-128,)),
    )
    return Case(write(replace(graph, tensors=tensors)), drawn.inputs)


def chain(rng) -> Case:
    """Two CONV_2D with RELU; the second one may write over its own input."""
    extents = tuple(int(item) for item in rng.integers(2, 12, 2))
    depth, middle, channels = int(rng.integers(1, 4)), *(int(n) for n in rng.choice([4, 8, 12], 2))
    strides, taps = tuple(int(item) for item in rng.integers(1, 4, 2)), (3, 3)
    first = Sizes(extents, (1, 1), (1, 1), (1, 1), 0)
    second = Sizes(extents, taps, strides, (1, 1), 0)
    shapes = [
        (1, *extents, depth),
        (1, *extents, middle),
        (1, *outputs(second), channels),
    ]
    tensors = [Tensor("x", shapes[0], "int8", None, (0.05,), (int(rng.integers(-128, 128)),))]
    operators = []
    for sizes, shape in ((first, shapes[1]), (second, shapes[2])):
        source = tensors[-1]
        inputs = source.shape[3] * sizes.taps[0] * sizes.taps[1]
        size = Size(127, 10 ** rng.uniform(-4, -1), inputs)
        scale = source.scales[0] * size.scale * 127 * 128 * inputs**0.5 / 200
        held = len(tensors) - 1
        weights, bias = filters(
            rng,
            ("int8", "int8", "int32"),
            (shape[3], *sizes.taps, source.shape[3]),
            0,
            source,
            size,
        )
        target = Tensor("y", shape, "int8", None, (float(np.float32(scale)),), (-128,))
        tensors += [weights, bias, target]
        options = options_of(rng, schema.Conv2DOptionsT, sizes, "int32")
        options.fusedActivationFunction = RELU
        places = [held, held + 1, held + 2]
        operators.append(operator("CONV_2D", places, [held + 3], options, 8))
    inputs = rng.integers(-128, 128, (3, *shapes[0])).astype(np.int8)
    return Case(model(tensors, operators), _with_background(rng, inputs))


def dense(rng) -> Case:
    """A FULLY_CONNECTED, in every third case with a LOGISTIC behind it."""
    rows, columns = int(rng.integers(4, 60)), int(rng.integers(1, 300))
    each = int(rng.choice([1, rows]))
    scales = 10 ** rng.uniform(-3.5, -1.5, each)
    source = np.float32(10 ** rng.uniform(-3, 0))
    spread = source * scales.mean() * 75 * 75 * columns**0.5
    target = np.float32(spread / 10 ** rng.uniform(1, 2.5))
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = int(rng.choice([0, 0, 1, 1, 2, 3]))
    weights = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
    if rng.random() < 0.1:
        weights[rng.random(weights.shape) < 0.1] = -128
    points = [int(rng.choice([-128, rng.integers(-128, 128)])) for _ in range(2)]
    zeros = (0,) * each
    floats = tuple(float(np.float32(item)) for item in scales)
    bias = rng.integers(-20000, 20000, rows).astype(np.int32)
    batches = int(rng.integers(1, 3))
    tensors = [
        Tensor("x", (batches, columns), "int8", None, (float(source),), (points[0],)),
        Tensor("w", (rows, columns), "int8", weights, floats, zeros),
        Tensor("b", (rows,), "int32", bias, tuple(float(source * s) for s in floats), zeros),
        Tensor("y", (batches, rows), "int8", None, (float(target),), (points[1],)),
    ]
    operators = [operator("FULLY_CONNECTED", [0, 1, 2], [3], options, 4)]
    if rng.random() < 0.33:
        tensors.append(Tensor("z", (batches, rows), "int8", None, (1 / 256,), (-128,)))
        operators.append(operator("LOGISTIC", [3], [4]))
    inputs = rng.integers(-128, 128, (4, batches, columns)).astype(np.int8)
    return Case(model(tensors, operators), _with_background(rng, inputs))


def random_case(rng) -> Case:
    """A model of one layer, or of two."""
    return (convolution, chain, dense)[int(rng.integers(3))](rng)


def _edge(rng, tensor: Tensor) -> Tensor:
    """The tensor, with the zero point of a RELU in half of the cases."""
    point = (-128,) if rng.random() < 0.5 else tensor.zero_points
    return Tensor(tensor.name, tensor.shape, tensor.dtype, None, tensor.scales, point)


def _with_background(rng, inputs: np.ndarray) -> np.ndarray:
    """The inputs, the first one with long runs of -128."""
    flat = inputs[0].reshape(-1)
    for _ in range(4):
        start = int(rng.integers(0, flat.size))
        flat[start : start + int(rng.integers(1, 2 + flat.size // 2))] = -128
    return inputs
