"""The packed bytes of a manifest are the constants of portable C under `--optimize size`."""

from itertools import pairwise

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_cases import conv_2d, depthwise_conv_2d, fully_connected, transpose_conv
from c_cases.convolution import compressed
from c_models import model, operator

from edgeae.codegen.program import program
from edgeae.formats import packed
from edgeae.formats.tflite.graph import Graph, Tensor, read

SIZES = (300, 64, 40, 16)
CODES = {"int8": (0.02, -3), "int16": (0.0005, 0)}


def constants(graph: Graph) -> int:
    """Bytes of the constants of portable C."""
    return sum(item.values.nbytes for item in program(graph, "m", "portable", "size").constants())


def dense(dtype: str, zeros: float, values: int, per_channel: bool = False) -> Graph:
    """FULLY_CONNECTED layers, and a sigmoid; the weights have a share of zeros and few values."""
    rng = np.random.default_rng(0)
    tensors, operators = [_edge("x", SIZES[0], dtype)], []
    for place, (columns, rows) in enumerate(pairwise(SIZES)):
        before = len(tensors) - 1
        tensors += _layer(rng, dtype, (rows, columns), zeros, values, per_channel)
        weights, bias = len(tensors) - 2, len(tensors) - 1
        if dtype == "float16":
            for index in (weights, bias):
                stored = tensors[index]
                tensors.append(Tensor(f"{stored.name}32", stored.shape, "float32"))
                operators.append(operator("DEQUANTIZE", [index], [len(tensors) - 1], None, 3))
            weights, bias = len(tensors) - 2, len(tensors) - 1
        tensors.append(_edge(f"y{place}", rows, dtype))
        options = schema.FullyConnectedOptionsT()
        edges = [before, weights, bias], [len(tensors) - 1]
        operators.append(operator("FULLY_CONNECTED", *edges, options, 4))
    target = Tensor("z", (1, SIZES[-1]), "int8", None, (1 / 256,), (-128,))
    if dtype == "int8":
        tensors.append(target)
        operators.append(operator("LOGISTIC", [len(tensors) - 2], [len(tensors) - 1], None, 2))
    return read(model(tensors, operators), "m")


def _edge(name: str, size: int, dtype: str) -> Tensor:
    if dtype not in CODES:
        return Tensor(name, (1, size), "float32")
    scale, zero_point = CODES[dtype]
    return Tensor(name, (1, size), dtype, None, (scale,), (zero_point,))


def _layer(rng, dtype: str, shape, zeros: float, values: int, per_channel: bool) -> list[Tensor]:
    held = np.setdiff1d(np.arange(-127, 128), [0]) if dtype in CODES else rng.normal(size=5000)
    book = rng.choice(held, min(values, len(held)), replace=False)
    weights = rng.choice(book, shape) * (rng.random(shape) >= zeros)
    bias = rng.integers(-1000, 1000, shape[0])
    if dtype not in CODES:
        return [
            Tensor("w", shape, dtype, weights.astype(dtype)),
            Tensor("b", shape[:1], dtype, (bias / 1000).astype(dtype)),
        ]
    count = shape[0] if per_channel else 1
    wide = "int32" if dtype == "int8" else "int64"
    none = (0,) * count
    return [
        Tensor("w", shape, "int8", weights.astype(np.int8), (0.004,) * count, none),
        Tensor("b", shape[:1], wide, bias.astype(wide), (0.004 * CODES[dtype][0],) * count, none),
    ]


@pytest.mark.parametrize("zeros", [0, 0.5, 0.8])
@pytest.mark.parametrize("values", [2, 15, 64, 254])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_of_integers_to_a_hundredth(dtype, values, zeros):
    graph = dense(dtype, zeros, values, per_channel=values > 15)
    assert sum(packed.packed(graph).values()) == pytest.approx(constants(graph), rel=0.01)


@pytest.mark.parametrize("zeros", [0, 0.56, 0.74])
@pytest.mark.parametrize("values", [31, 63, 5000])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_of_floats_to_a_hundredth(dtype, values, zeros):
    graph = dense(dtype, zeros, values)
    assert sum(packed.packed(graph).values()) == pytest.approx(constants(graph), rel=0.01)


def test_of_single_layers_to_the_byte():
    rng = np.random.default_rng(1)
    drawn = [fully_connected.random_case(rng, compressed=True) for _ in range(20)]
    drawn += [
        compressed(rng, item.random_case(rng))
        for item in (conv_2d, depthwise_conv_2d, transpose_conv)
        for _ in range(20)
    ]
    for place, case in enumerate(drawn):
        graph = read(case.content, "m")
        assert sum(packed.packed(graph).values()) == constants(graph), place
