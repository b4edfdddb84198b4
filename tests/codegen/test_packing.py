from itertools import count

import numpy as np
import pytest
from c_cases import conv_2d, depthwise_conv_2d, fully_connected, transpose_conv
from c_cases.convolution import compressed
from c_models import check

from edgeae.codegen import packing
from edgeae.codegen.compiler import STRICT
from edgeae.formats import weight_encoding
from edgeae.formats.weight_encoding import ENCODINGS

COMPRESSED = ENCODINGS[1:]
CONVOLUTIONS = {item.__name__: item for item in (conv_2d, depthwise_conv_2d, transpose_conv)}
FLAGS = (*STRICT, "-O0")


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
    check([fully_connected.random_case(rng, dtype, True) for _ in range(20)], flags=FLAGS)
    assert set(rotating) == set(COMPRESSED)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_compute_with_each_encoding(name, rotating):
    rng = np.random.default_rng(0)
    draw = CONVOLUTIONS[name].random_case
    check([compressed(rng, draw(rng)) for _ in range(25)], flags=FLAGS)
    assert set(rotating) == set(COMPRESSED)
