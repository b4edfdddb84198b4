from c_cases import logistic
from c_models import Case


def random_case(rng) -> Case:
    return logistic.random_case(rng, "TANH")
