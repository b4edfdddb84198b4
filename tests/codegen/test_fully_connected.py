import numpy as np
import pytest
from c_cases import fully_connected
from c_models import check

from edgeae.codegen.targets import LAYOUTS


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float16"])
def test_equals_the_reference_kernel(dtype):
    rng = np.random.default_rng(0)
    check([fully_connected.random_case(rng, dtype) for _ in range(24)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_bits(layout):
    """The C99 of the layout; its assembly is tested on the emulated core."""
    rng = np.random.default_rng(1)
    check([fully_connected.random_case(rng, kind) for kind in ["int8"] * 20 + ["int16"]], layout)
