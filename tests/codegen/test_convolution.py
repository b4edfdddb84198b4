import numpy as np
import pytest
from c_cases import conv_2d, depthwise_conv_2d, transpose_conv
from c_models import check

CASES = {item.__name__: item.random_case for item in (conv_2d, depthwise_conv_2d, transpose_conv)}


@pytest.mark.parametrize("name", CASES)
def test_equals_the_reference_kernel(name):
    rng = np.random.default_rng(1)
    check([CASES[name](rng) for _ in range(16)])
