from ai_edge_litert import schema_py_generated as schema
from c_cases import relu
from c_cases.edges import between
from c_models import Case


def random_case(rng) -> Case:
    return relu.random_case(rng, "LEAKY_RELU", _options)


def _options(rng, dtype):
    """An alpha, at times a power of two (halves), above 1, 0 or negative."""
    options = schema.LeakyReluOptionsT()
    options.alpha = float(rng.choice([0.25, 0.5, 2.5, 0.0, between(rng, 1e-3, 3)]))
    if dtype != "int16" and rng.random() < 0.3:
        options.alpha = -options.alpha
    return options
