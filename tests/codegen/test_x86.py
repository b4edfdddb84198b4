import dataclasses
import platform

import numpy as np
import pytest
from c_cases import (
    conv_2d,
    fully_connected,
    hard_swish,
    leaky_relu,
    logistic,
    tanh,
    transpose_conv,
)
from c_cases.convolution import Sizes
from c_models import CHEAP, Case, check, compiled
from x86_variants import COMPILED, VARIANTS, runs

from edgeae.codegen.convolution import SAME
from edgeae.codegen.program import program
from edgeae.codegen.targets import host_layout
from edgeae.formats.tflite.graph import read

INT8 = ("int8", "int8", "int32")


def _check(cases: list[Case], variant: str) -> None:
    """Check the answers; if the processor cannot run the variant, only that it compiles."""
    run = check if runs(variant) else compiled
    run(cases, "x86", (*CHEAP, *VARIANTS[variant][1]))


@pytest.mark.parametrize("variant", COMPILED)
def test_equals_the_reference_kernels(variant):
    rng = np.random.default_rng(5)
    cases = [fully_connected.random_case(rng, "int8") for _ in range(6)]
    cases += [conv_2d.random_case(rng, INT8, channels) for channels in (None, 3, 8, 17, 40, 67)]
    cases += transpose_conv.every_stride(np.random.default_rng(14))[1::3]
    assert {_kernel(case) for case in cases[6:]} == {"conv_x86"}
    _check([_on_background(rng, case) for case in cases], variant)


@pytest.mark.system
@pytest.mark.parametrize("variant", COMPILED)
def test_transposed_convolutions_of_every_stride(variant):
    rng = np.random.default_rng(10)
    cases = transpose_conv.every_stride(rng)
    cases += [transpose_conv.random_case(rng, INT8, channels) for channels in range(2, 71, 3)]
    assert {_kernel(case) for case in cases} == {"conv_x86"}
    _check([_on_background(rng, case) for case in cases], variant)


def _on_background(rng, case: Case) -> Case:
    """The case with more inputs, mostly -128: of those, only a part of the words is multiplied."""
    inputs = case.inputs.copy()
    keep = np.array([0.02, 0.1, 0.2, 0.4])[np.arange(len(inputs)) % 4]
    inputs[rng.random(inputs.shape) > keep.reshape(-1, *[1] * (inputs.ndim - 1))] = -128
    return dataclasses.replace(case, inputs=np.concatenate([case.inputs, inputs]))


@pytest.mark.parametrize("variant", COMPILED)
def test_tables_equal_the_reference_kernels(variant):
    rng = np.random.default_rng(6)
    drawn = [
        item.random_case(rng) for item in (hard_swish, leaky_relu, logistic, tanh) for _ in range(6)
    ]
    cases = [case for case in drawn if case.inputs.dtype == np.int8]
    kernels = [_kernel(case) for case in cases]
    assert kernels.count("table_x86") >= 4
    _check(cases, variant)


def test_few_rows_wide_layers_and_panels_of_every_size():
    rng = np.random.default_rng(7)
    cases = [
        fully_connected.random_case(rng, "int8", shape=(rows, columns))
        for rows, columns in ((4, 125), (64, 64), (65, 3), (113, 61), (128, 130))
    ]
    assert {_kernel(case) for case in cases} == {"fully_connected_x86"}
    _check(cases, "avx2" if runs("avx2") else "plain")


def test_a_transposed_convolution_to_one_channel_stays_with_portable_c_if_it_has_a_stride():
    rng = np.random.default_rng(15)
    for strides, expected in (((1, 1), "conv_x86"), ((1, 2), "conv_int8")):
        sizes = Sizes((3, 3), (3, 3), strides, (1, 1), SAME)
        assert _kernel(transpose_conv.random_case(rng, INT8, 1, 3, sizes)) == expected


def test_sums_that_exceed_32_bits_on_the_way_stay_with_portable_c():
    case = fully_connected.random_case(
        np.random.default_rng(8), "int8", compressed=False, shape=(4, 30)
    )
    graph = read(case.content, "case")
    bias = graph.tensors[2]
    wide = dataclasses.replace(bias, data=np.full(4, 2**31 - 380_000, np.int32))
    tensors = tuple(wide if item is bias else item for item in graph.tensors)
    (step,) = program(dataclasses.replace(graph, tensors=tensors), "case", "x86").steps
    assert step.kernel == "fully_connected_int8"


def test_a_processor_of_this_family_takes_this_layout(monkeypatch):
    for machine, layout in (("x86_64", "x86"), ("aarch64", "neon"), ("riscv64", "portable")):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert host_layout() == layout


def _kernel(case: Case) -> str:
    return program(read(case.content, "case"), "case", "x86").steps[-1].kernel
