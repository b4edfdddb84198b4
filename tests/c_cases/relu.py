from c_cases.edges import TYPES, between, edge, ramp, zero_point
from c_models import Case, model, operator

#: Operator → the types of its reference kernel.
OPERATORS = {
    "RELU": TYPES,
    "RELU6": TYPES,
    "RELU_N1_TO_1": ("int8", "float32"),
    "RELU_0_TO_1": ("int8", "float32"),
    "LEAKY_RELU": TYPES,
    "HARD_SWISH": ("int8", "float32"),
}


def random_case(rng, name=None, options=None) -> Case:
    name = name or str(rng.choice(["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"]))
    dtype = str(rng.choice(OPERATORS[name]))
    inputs = ramp(rng, dtype)
    source = between(rng, 1e-4, 1)
    target = source * float(rng.choice([1, 0.5, 2, between(rng, 0.1, 10), between(rng, 0.02, 50)]))
    tensors = [
        edge("x", inputs.shape[1:], dtype, source, zero_point(rng, dtype)),
        edge("y", inputs.shape[1:], dtype, target, zero_point(rng, dtype)),
    ]
    version = 2 if name in ("RELU", "RELU6", "LEAKY_RELU") else 1
    chosen = None if options is None else options(rng, dtype)
    return Case(model(tensors, [operator(name, [0], [1], chosen, version)]), inputs)
