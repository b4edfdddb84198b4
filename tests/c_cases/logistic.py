from c_cases.edges import TYPES, between, edge, ramp, zero_point
from c_models import Case, model, operator

#: Output scale of each type, which the reference kernel asks for.
SCALES = {"int8": 2**-8, "int16": 2**-15, "float32": 1.0}


def random_case(rng, name="LOGISTIC") -> Case:
    dtype = str(rng.choice(TYPES))
    inputs = ramp(rng, dtype)
    scale = between(rng, 1e-5, 5) if rng.random() < 0.7 else 2.0 ** int(rng.integers(-13, -9))
    target = SCALES[dtype] if name == "LOGISTIC" or dtype == "int16" else between(rng, 1e-3, 0.1)
    tensors = [
        edge("x", inputs.shape[1:], dtype, scale, zero_point(rng, dtype)),
        edge("y", inputs.shape[1:], dtype, target, zero_point(rng, dtype)),
    ]
    return Case(model(tensors, [operator(name, [0], [1], version=3)]), inputs)
