"""Random models of MUL."""

from c_cases import operands
from c_models import Case


def random_case(rng) -> Case:
    return operands.random_case(rng, ["MUL"])
