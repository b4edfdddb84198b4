from c_cases import relu
from c_models import Case


def random_case(rng) -> Case:
    return relu.random_case(rng, "HARD_SWISH")
