from dataclasses import replace

import numpy as np
import pytest
from c_cases import fully_connected
from c_models import Case, check

from edgeae.codegen.program import program
from edgeae.codegen.rescale import first_accumulators, fixed_point
from edgeae.codegen.targets import LAYOUTS
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import read, write


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float16"])
def test_equals_the_reference_kernel(dtype):
    rng = np.random.default_rng(0)
    check([fully_connected.random_case(rng, dtype) for _ in range(24)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_bits(layout):
    """The C99 of the layout; its assembly is tested on the emulated core."""
    rng = np.random.default_rng(1)
    check([fully_connected.random_case(rng, kind) for kind in ["int8"] * 20 + ["int16"]], layout)


@pytest.mark.parametrize("scale", [1e-30, 1e-300, 5e-324])
def test_a_scale_that_no_accumulator_reaches_ends(scale):
    """A search among floats that are more than 1 apart would never end."""
    assert first_accumulators(np.array([1]), scale) == 1 << 52
    multiplier, shift = fixed_point(scale, -128, 127, (-(1 << 31), (1 << 31) - 1))
    for accumulator in (-(1 << 31), -1, 0, 1, (1 << 31) - 1):
        assert (accumulator * multiplier + (1 << (shift - 1))) >> shift == 0


@pytest.mark.parametrize("layout", ["portable", *LAYOUTS])
def test_a_scale_that_no_multiplier_of_31_bits_rounds_takes_doubles(layout):
    """The scale of a layer of `deep` that was trained on digits: two sums lie near two halves."""
    rng = np.random.default_rng(5)
    case = fully_connected.random_case(rng, "int8", compressed=False, shape=(3, 700))
    graph = read(case.content, "case")
    scale = 4.144233611913202e-05  # of input × weights ÷ output
    source, weights, bias, target = graph.tensors[:4]
    # weights and bias under which the sums reach just these limits
    limits = (-6789885, 5927475)
    values = np.full(weights.shape, 71, np.int8)
    values[:, :172] = 72
    added = np.full(bias.shape, limits[1] - 127 * int(values[0].sum(dtype=np.int64)), np.int32)
    tensors = (
        replace(source, scales=(scale,), zero_points=(0,)),
        replace(weights, data=values, scales=(1.0,), zero_points=(0,)),
        replace(bias, data=added, scales=(scale,), zero_points=(0,)),
        replace(target, scales=(1.0,), zero_points=(-128,)),
        *graph.tensors[4:],
    )
    with pytest.raises(BadInput, match="no multiplier of 31 bits"):
        fixed_point(scale, 0, 255, limits)
    changed = replace(graph, tensors=tensors)
    (step,) = program(changed, "case", layout).steps
    assert step.kernel == "fully_connected_int8_double"
    check([Case(write(changed), case.inputs)], layout)


def dead(case: Case, bias: int = 0) -> Case:
    """The case with a first channel of zeros, to which the int16 quantizer gives the scale 0."""
    graph = read(case.content, "case")
    _, weights, biases, *_ = graph.tensors
    assert len(weights.scales) > 1
    rows, given = weights.data.copy(), biases.data.copy()
    rows[0], given[0] = 0, bias
    tensors = list(graph.tensors)
    tensors[1] = replace(weights, data=rows, scales=(0.0, *weights.scales[1:]))
    tensors[2] = replace(biases, data=given, scales=(0.0, *biases.scales[1:]))
    return Case(write(replace(graph, tensors=tuple(tensors))), case.inputs)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_channel_of_zeros_may_have_the_scale_zero(layout):
    rng = np.random.default_rng(3)
    found = [fully_connected.random_case(rng, "int16", shape=(5, 9)) for _ in range(40)]
    able = [case for case in found if _has_channels(case)]
    assert able
    check([dead(case) for case in able], layout)
    if layout == "portable":
        biased = read(dead(able[0], bias=7).content, "case")
        with pytest.raises(BadInput, match="Each integer has one scale"):
            program(biased, "case", layout)


def _has_channels(case: Case) -> bool:
    _, weights, biases, *_ = read(case.content, "case").tensors
    return len(weights.scales) > 1 and biases.data is not None and biases.dtype == "int64"
