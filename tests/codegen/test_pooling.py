import numpy as np
from c_cases import pooling
from c_models import check


def test_equals_the_reference_kernel():
    rng = np.random.default_rng(0)
    check([pooling.random_case(rng) for _ in range(60)])
