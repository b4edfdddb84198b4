import shutil

import c_user_mode
import numpy as np
import pytest
from c_cases import conv_2d, fully_connected, transpose_conv
from c_models import Case, check, with_more_inputs

from edgeae.codegen.program import program
from edgeae.formats.tflite.graph import read

INT8 = ("int8", "int8", "int32")


def _cases(count: int):
    rng = np.random.default_rng(7)
    dense = [fully_connected.random_case(rng, "int8") for _ in range(count)]
    convolutions = [conv_2d.random_case(rng, INT8, channels) for channels in (None, 5, 8, 19, 33)]
    return [*dense, *(with_more_inputs(rng, case) for case in convolutions)]


def _transposed() -> list[Case]:
    rng = np.random.default_rng(14)
    return [with_more_inputs(rng, case) for case in transpose_conv.every_stride(rng)]


def test_plain_c_of_the_layout_equals_the_reference_kernels():
    cases = [*_cases(5), *_transposed()[1::3]]
    programs = [program(read(case.content, "case"), "case", "neon") for case in cases]
    assert all(item.steps[-1].kernel.endswith("_neon") for item in programs)
    check(cases, layout="neon")


def test_transposed_convolutions_to_one_or_two_channels_stay_with_portable_c():
    rng = np.random.default_rng(9)
    for channels, kernel in ((2, "conv_int8"), (3, "conv_neon")):
        case = transpose_conv.random_case(rng, INT8, channels)
        assert program(read(case.content, "case"), "case", "neon").steps[-1].kernel == kernel
    few = conv_2d.random_case(rng, INT8, 2)
    assert program(read(few.content, "few"), "few", "neon").steps[-1].kernel == "conv_neon"


@pytest.mark.system
def test_cores_with_and_without_the_dot_product_give_the_same_bits(tmp_path):
    assert shutil.which("qemu-aarch64"), "apt install qemu-user gcc-aarch64-linux-gnu"
    cases = [*_cases(8), *_transposed()]
    path = c_user_mode.compiled(cases, "neon", ["aarch64-linux-gnu-gcc"], tmp_path)
    for core in ("cortex-a53", "cortex-a76", "max"):
        c_user_mode.check(cases, ["qemu-aarch64", "-cpu", core, str(path)])
