import numpy as np
from c_cases import space_to_batch_nd
from c_models import check


def test_equals_the_reference_kernel():
    rng = np.random.default_rng(0)
    check([space_to_batch_nd.random_case(rng) for _ in range(30)])
