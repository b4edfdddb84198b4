import sys
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from c_cases import conv_2d, depthwise_conv_2d, fully_connected, transpose_conv
from c_cases.convolution import compressed
from c_models import check

from edgeae.codegen import operators, packing
from edgeae.codegen.program import program
from edgeae.codegen.step import Constant, Step
from edgeae.formats import weight_encoding
from edgeae.formats.tflite.graph import read
from edgeae.formats.weight_encoding import ENCODINGS

COMPRESSED = ENCODINGS[1:]
CONVOLUTIONS = {item.__name__: item for item in (conv_2d, depthwise_conv_2d, transpose_conv)}


@pytest.fixture
def rotating(monkeypatch):
    """Let each layer have the next encoding that can store its weights; returns those taken."""
    taken: list[str] = []
    turn = count()

    def chosen(values, optimize, skipping=True):
        sizes = weight_encoding.encoded_bytes(values, values.dtype.itemsize * 8)
        taken.append(next(item for _ in sizes if (item := COMPRESSED[next(turn) % 5]) in sizes))
        return taken[-1]

    monkeypatch.setattr(packing, "chosen", chosen)
    return taken


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float16"])
def test_fully_connected_computes_with_each_encoding(dtype, rotating):
    rng = np.random.default_rng(0)
    check([fully_connected.random_case(rng, dtype, True) for _ in range(12)])
    assert set(rotating) == set(COMPRESSED)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_compute_with_each_encoding(name, rotating):
    rng = np.random.default_rng(0)
    draw = CONVOLUTIONS[name].random_case
    check([compressed(rng, draw(rng)) for _ in range(12)])
    assert set(rotating) == set(COMPRESSED)


def few(zeros: float, values: int, shape=(64, 300)) -> np.ndarray:
    """Weights of int8 of which a share is zero; the others have so many values."""
    rng = np.random.default_rng(0)
    book = rng.permutation(np.setdiff1d(np.arange(-127, 128), [0]))[:values]
    return (rng.choice(book, shape) * (rng.random(shape) >= zeros)).astype(np.int8)


@pytest.mark.parametrize(
    ("weights", "size", "speed"),
    [
        (few(0, 254), "dense", "dense"),
        (few(0, 16), "codebook", "dense"),
        (few(0.2, 254), "sparse", "dense"),
        (few(0.5, 254), "sparse", "gaps"),
        (few(0.56, 63), "sparse-codebook", "gaps"),
        (few(0.8, 15), "gaps-codebook", "gaps"),
        (few(0.95, 254), "gaps", "gaps"),
        # what little it saves is less than the code
        (few(0.5, 254, (4, 40)), "dense", "gaps"),
        (np.zeros((9, 40), np.int8), "codebook", "gaps"),
    ],
)
def test_a_layer_has_the_encoding_of_the_fewest_bytes_or_instructions(weights, size, speed):
    assert packing.chosen(weights, "size") == size
    assert packing.chosen(weights, "speed") == speed
    # a convolution reads every weight for every pixel
    assert packing.chosen(weights, "speed", skipping=False) == "dense"


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_encoded_weights_have_the_bytes_that_the_formula_says(encoding):
    weights = few(0.6, 50, (7, 77))
    members = packing.encoded(weights, encoding).values()
    size = sum(item.values.nbytes for item in members if isinstance(item, Constant))
    assert size == weight_encoding.encoded_bytes(weights, 8)[encoding]


def test_few_zeros_and_few_values_take_a_quarter_of_the_bytes_and_fewer_instructions():
    weights = few(0.8, 15, (128, 784))
    size = weight_encoding.encoded_bytes(weights, 8)
    assert size["gaps-codebook"] < size["dense"] / 4
    assert packing.instructions(weights, "gaps-codebook") < 2 * weights.size


def test_a_target_with_a_layout_computes_with_small_weights_in_portable_c(monkeypatch):
    rng = np.random.default_rng(0)
    case = fully_connected.random_case(rng, "int8")
    graph = read(case.content, "m")
    other = Step("other", (0,), 3)
    monkeypatch.setitem(operators.LAYOUTS, "own", "own_layout")
    module = SimpleNamespace(lower=lambda operation: [other])
    monkeypatch.setitem(sys.modules, "own_layout", module)
    for chosen, kernel in (("dense", "other"), ("gaps", "fully_connected_int8_gaps")):
        monkeypatch.setattr(packing, "chosen", lambda *_, chosen=chosen: chosen)
        (step,) = program(graph, "m", "own", "size").steps
        assert step.kernel == kernel
    (step,) = program(graph, "m", "own", "speed").steps
    assert step.kernel == "other"
