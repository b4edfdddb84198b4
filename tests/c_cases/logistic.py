import numpy as np
from c_cases.edges import TYPES, between, edge, ramp, zero_point
from c_models import Case, model, operator

#: Output scale of each type, which the reference kernel asks for.
SCALES = {"int8": 2**-8, "int16": 2**-15, "float32": 1.0}
#: The reference's table of int8 is made by expf and tanhf, which are an ulp off here and there: so
#: near to a half, in steps of the output, its rounding is that of one C library.
_NEAR = 1e-3


def random_case(rng, name="LOGISTIC") -> Case:
    while True:
        dtype = str(rng.choice(TYPES))
        inputs = ramp(rng, dtype)
        scale = between(rng, 1e-5, 5) if rng.random() < 0.7 else 2.0 ** int(rng.integers(-13, -9))
        fixed = name == "LOGISTIC" or dtype == "int16"
        target = SCALES[dtype] if fixed else between(rng, 1e-3, 0.1)
        tensors = [
            edge("x", inputs.shape[1:], dtype, scale, zero_point(rng, dtype)),
            edge("y", inputs.shape[1:], dtype, target, zero_point(rng, dtype)),
        ]
        if dtype != "int8" or not _near_a_half(*tensors, name):
            return Case(model(tensors, [operator(name, [0], [1], version=3)]), inputs)


def _near_a_half(source, target, name: str) -> bool:
    real = (np.arange(-128, 128) - source.zero_points[0]) * float(np.float32(source.scales[0]))
    values = np.tanh(real) if name == "TANH" else 1 / (1 + np.exp(-real))
    steps = values / float(np.float32(target.scales[0]))
    return bool((np.abs(steps % 1 - 0.5) < _NEAR).any())
