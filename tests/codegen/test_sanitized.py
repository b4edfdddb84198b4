"""Every layout that runs here reads and writes its buffers only, and has no undefined behaviour.

The kernels of other cores run as plain C.
"""

import dataclasses

import c_sanitized
import numpy as np
import pytest
from c_cases import (
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    layouts,
    logistic,
    pooling,
    softmax,
    transpose_conv,
)
from c_cases.convolution import compressed
from c_models import Case
from x86_variants import COMPILED, VARIANTS, runs

from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.program import program
from edgeae.formats.tflite.graph import read

pytestmark = pytest.mark.ways

INT8 = ("int8", "int8", "int32")
#: Layout, flags, form of the weights.
FORMS = [
    *(("x86", VARIANTS[item][1], "speed") for item in COMPILED if runs(item)),
    *(("portable", (), optimize) for optimize in ("speed", "size")),
    *((layout, (), "speed") for layout in ("dsp", "helium", "neon")),
]


def dense(rng) -> list[Case]:
    """Dense layers of every type, of whole and of odd widths, with and without a table behind."""
    shapes = ((64, 64), (65, 3), (113, 61), (8, 130), (1, 1))
    return [
        *(layouts.dense(rng) for _ in range(6)),
        *(fully_connected.random_case(rng, "int8", shape=shape) for shape in shapes),
        *(fully_connected.random_case(rng, "int8", compressed=True) for _ in range(3)),
        *(fully_connected.random_case(rng, dtype) for dtype in ("int16", "float32", "float16")),
    ]


def convolutions(rng) -> list[Case]:
    """Convolutions alone and two in a row, which may write over their input; depthwise ones."""
    channels = (None, 3, 8, 17, 40, 67)
    return [
        *(layouts.convolution(rng) for _ in range(10)),
        *(layouts.chain(rng) for _ in range(5)),
        *(conv_2d.random_case(rng, INT8, number) for number in channels),
        *(compressed(rng, conv_2d.random_case(rng, INT8)) for _ in range(3)),
        *(conv_2d.random_case(rng) for _ in range(4)),
        *(depthwise_conv_2d.random_case(rng) for _ in range(4)),
    ]


def transposed_convolutions(rng) -> list[Case]:
    plain = [transpose_conv.random_case(rng) for _ in range(6)]
    of_bytes = [transpose_conv.random_case(rng, INT8) for _ in range(6)]
    packed = [compressed(rng, case) for case in of_bytes[:3]]
    return [*plain, *of_bytes, *packed, *transpose_conv.every_stride(rng)]


def pools(rng) -> list[Case]:
    """Pooling, and the tables that stand at the end of decoders and classifiers."""
    ends = [item.random_case(rng) for item in (logistic, softmax) for _ in range(3)]
    return [*(pooling.random_case(rng) for _ in range(10)), *ends]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join([form[0], *form[1], form[2]]))
@pytest.mark.parametrize("draw", [dense, convolutions, transposed_convolutions, pools])
def test_nothing_outside_of_the_buffers_is_touched(draw, form, tmp_path):
    layout, flags, optimize = form
    c_sanitized.check(draw(np.random.default_rng(31)), tmp_path, layout, flags, optimize)


@pytest.mark.parametrize("layout", ["portable", "dsp", "helium", "neon", "x86"])
def test_too_small_an_arena_is_found(layout, tmp_path):
    """Otherwise the tests above could not fail."""
    rng = np.random.default_rng(5)
    needed = 0
    while needed < 64:
        case = layouts.chain(rng)
        item = program(read(case.content, "case"), "case", layout)
        needed = arena_bytes(item.plan)
    case = dataclasses.replace(case, inputs=case.inputs[:1])
    path = c_sanitized.compiled([item], [1], tmp_path, short=needed // 2)
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        c_sanitized.run(path, [case])
