import numpy as np
import pytest
from c_cases import fully_connected
from c_models import check


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float16"])
def test_equals_the_reference_kernel(dtype):
    rng = np.random.default_rng(0)
    check([fully_connected.random_case(rng, dtype) for _ in range(24)])
