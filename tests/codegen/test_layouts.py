import numpy as np
import pytest
from c_cases import layouts
from c_models import CHEAP, check

from edgeae.codegen.program import program
from edgeae.formats.tflite.graph import read

UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover")


def cases(seed: int, count: int):
    rng = np.random.default_rng(seed)
    return [layouts.random_case(rng) for _ in range(count)]


@pytest.mark.parametrize("layout", ["dsp", "helium"])
def test_the_portable_form_of_a_layout_equals_the_reference_kernels(layout):
    check(cases(1, 10), layout)


def test_large_sums_are_shifted_far():
    rng = np.random.default_rng(4)
    drawn = [layouts.faint_convolution(rng) for _ in range(12)]
    steps = [program(read(case.content, "case"), "case", "helium").steps[-1] for case in drawn]
    assert {"conv_int8_helium", "conv_narrow_int8_helium"} <= {step.kernel for step in steps}
    check(drawn, "helium")


@pytest.mark.system
@pytest.mark.parametrize("layout", ["dsp", "helium"])
def test_the_portable_form_has_no_undefined_behaviour(layout):
    check(cases(3, 40), layout, (*CHEAP, *UNDEFINED))


@pytest.mark.parametrize("layout", ["dsp", "helium"])
def test_most_layers_take_the_layout(layout):
    """The comparison with the reference would also pass if all fell back to portable C."""
    programs = [program(read(case.content, "case"), "case", layout) for case in cases(1, 16)]
    kernels = {step.kernel for item in programs for step in item.steps}
    own = [item for item in programs if item.steps[-1].kernel.endswith(layout)]
    assert len(own) > len(programs) // 2
    assert {f"fully_connected_int8_{layout}", f"conv_int8_{layout}"} <= kernels
    assert f"conv_narrow_int8_{layout}" in kernels
    assert any(step.in_place for item in programs for step in item.steps)


@pytest.mark.parametrize("layout", ["dsp", "helium"])
def test_a_sigmoid_is_part_of_the_layer_before_it(layout):
    graphs = [read(case.content, "case") for case in cases(2, 40)]
    ends = [item for item in graphs if item.operators[-1].name == "LOGISTIC"]
    steps = [program(item, "case", layout).steps for item in ends]
    taken = [item for item in steps if item[0].kernel.endswith(layout)]
    assert taken
    assert all(len(item) == 1 for item in taken)
