"""Random convolutions of every kind, for comparing the C with the reference kernels."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import few
from c_models import Case, model, operator

from edgeae.codegen.convolution import output_extent
from edgeae.formats.tflite.graph import Operator, Tensor, read, write

#: Element types of the activations, with those of filter and bias.
KINDS = (
    ("int8", "int8", "int32"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
    ("float32", "float32", "float32"),
    ("float32", "float16", "float16"),
    ("float32", "float16", "float32"),
)


class Sizes(NamedTuple):
    """Rows and columns of the input and of the kernel, strides and dilations."""

    extents: tuple[int, int]
    taps: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: int


def random_sizes(rng, dilated: bool = True) -> Sizes:
    """Sizes for which the output has at least one pixel."""
    while True:
        pairs = [[int(rng.integers(1, top)) for _ in range(2)] for top in (11, 6, 4, 4)]
        dilations = (1, 1) if not dilated or rng.random() < 0.5 else tuple(pairs[3])
        sizes = Sizes(
            tuple(pairs[0]), tuple(pairs[1]), tuple(pairs[2]), dilations, int(rng.integers(0, 2))
        )
        if min(outputs(sizes)) > 0:
            return sizes


def outputs(sizes: Sizes) -> tuple[int, int]:
    """Rows and columns of the output of CONV_2D and DEPTHWISE_CONV_2D."""
    return tuple(
        output_extent(*item, sizes.padding)
        for item in zip(sizes.extents, sizes.taps, sizes.strides, sizes.dilations, strict=True)
    )


def options_of(rng, kind, sizes: Sizes, bias: str | None):
    """Options of the schema with a random fused activation."""
    options = kind()
    options.padding = sizes.padding
    options.strideH, options.strideW = sizes.strides
    options.fusedActivationFunction = int(rng.integers(0, 4))
    if hasattr(options, "dilationHFactor"):
        options.dilationHFactor, options.dilationWFactor = sizes.dilations
    if hasattr(options, "quantizedBiasType") and bias == "int32":
        options.quantizedBiasType = schema.TensorType.INT32
    return options


class Size(NamedTuple):
    """How large filters are, and with it sums: see `edges`."""

    weight: int
    scale: float
    fan: int


def random_size(rng, fan: int) -> Size:
    """Weights of 8 bits, or of -1, 0 and 1; `fan` products are summed."""
    return Size(1 if rng.random() < 0.1 else 127, 10 ** rng.uniform(-4, -1), fan)


def edges(rng, dtype: str, source_shape, target_shape, size: Size) -> tuple[Tensor, Tensor]:
    """Input and output; the output's scale spreads the sums over a part of its integers."""
    if dtype == "float32":
        return Tensor("x", source_shape, dtype), Tensor("y", target_shape, dtype)
    points = [0, 0] if dtype == "int16" else [int(item) for item in rng.integers(-128, 128, 2)]
    top = 1 << (8 * np.dtype(dtype).itemsize - 1)
    source = np.float32(10 ** rng.uniform(-2, 1) / top)
    deviation = source * size.scale * top * size.weight * size.fan**0.5 / 3
    target = np.float32(max(deviation / (top * 10 ** rng.uniform(-1.5, 0.3)), 1e-7))
    return (
        Tensor("x", source_shape, dtype, None, (float(source),), (points[0],)),
        Tensor("y", target_shape, dtype, None, (float(target),), (points[1],)),
    )


def filters(rng, kind, shape, axis: int, source: Tensor, size: Size, bias: bool = True):
    """Filter and bias (None if there is none) of element types as in `KINDS`."""
    dtype, filter_dtype, bias_dtype = kind
    channels = shape[axis]
    if dtype == "float32":
        weights = rng.normal(0, 1, shape).astype(filter_dtype)
        values = rng.normal(0, 1, channels).astype(bias_dtype)
        return Tensor("w", shape, filter_dtype, weights), (
            Tensor("b", (channels,), bias_dtype, values) if bias else None
        )
    scales = size.scale * 10 ** rng.uniform(-0.5, 0.5, channels if rng.random() < 0.7 else 1)
    scales = tuple(float(item) for item in scales.astype(np.float32))
    weights = rng.integers(-size.weight, size.weight + 1, shape).astype(np.int8)
    if rng.random() < 0.1:
        weights = np.where(weights < 0, -128, 127).astype(np.int8)
    reach = int(size.weight * size.fan**0.5 * (1 << (8 * np.dtype(dtype).itemsize - 1)))
    values = rng.integers(-reach, reach + 1, channels).astype(bias_dtype)
    zeros = (0,) * len(scales)
    bias_scales = tuple(float(np.float32(source.scales[0]) * item) for item in scales)
    return (
        Tensor("w", shape, "int8", weights, scales, zeros, axis),
        Tensor("b", (channels,), bias_dtype, values, bias_scales, zeros) if bias else None,
    )


def inputs_of(rng, tensor: Tensor, count: int = 2) -> np.ndarray:
    """Random inputs, the last one of extreme values only."""
    shape = (count, *tensor.shape)
    if tensor.dtype == "float32":
        return rng.normal(0, 1, shape).astype(np.float32)
    limits = np.iinfo(tensor.dtype)
    values = rng.integers(limits.min, limits.max + 1, shape).astype(tensor.dtype)
    values[-1] = np.where(rng.random(tensor.shape) < 0.5, limits.min, limits.max)
    return values


def case(rng, name: str, version: int, options, tensors, first=()) -> Case:
    """A model of one operator.

    Args:
        rng: a generator.
        name, version: the operator.
        options: its options.
        tensors: input, output, filter and bias (None if there is none).
        first: inputs of TRANSPOSE_CONV before the filter; its data come last but the bias.
    """
    source, target, weights, bias = tensors
    held = [source, *first]
    operators: list[Operator] = []
    given = [_constant(held, operators, item) for item in (weights, bias) if item is not None]
    order = [1, given[0], 0, *given[1:]] if first else [0, *given]
    held.append(target)
    operators.append(operator(name, order, [len(held) - 1], options, version))
    return Case(model(held, operators), inputs_of(rng, source))


def compressed(rng, case: Case) -> Case:
    """The case with zeros and few values among the weights."""
    graph = read(case.content, "case")
    tensors = [
        replace(item, data=few.values(rng, item.data))
        if item.name == "w" and item.data is not None
        else item
        for item in graph.tensors
    ]
    return Case(write(replace(graph, tensors=tuple(tensors))), case.inputs)


def _constant(held: list[Tensor], operators: list[Operator], tensor: Tensor) -> int:
    """Append a constant, and for float16 the DEQUANTIZE that a float16 model has behind it."""
    held.append(tensor)
    if tensor.dtype != "float16":
        return len(held) - 1
    held.append(Tensor(f"{tensor.name}32", tensor.shape, "float32"))
    operators.append(operator("DEQUANTIZE", [len(held) - 2], [len(held) - 1], None, 3))
    return len(held) - 1
