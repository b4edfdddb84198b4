import numpy as np
from c_cases import tile
from c_models import check


def test_equals_the_reference_kernel():
    rng = np.random.default_rng(0)
    check([tile.random_case(rng) for _ in range(30)])
