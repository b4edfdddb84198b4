import numpy as np
from c_cases import parts
from c_models import check


def test_outputs_that_are_written_in_parts_or_over_an_input():
    rng = np.random.default_rng(0)
    check([parts.random_case(rng) for _ in range(20)])
