import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases.edges import TYPES, between, edge, values, zero_point
from c_models import Case, model, operator

#: Output scale and zero point of each type, which the reference kernel asks for.
OUTPUTS = {"int8": (2**-8, -128), "int16": (2**-15, 0), "float32": (1.0, 0)}


def random_case(rng) -> Case:
    dtype = str(rng.choice(TYPES))
    # from 512 equal int8 values on, the reference kernel ends the process
    depth = int(rng.choice([1, 2, 3, 10, 32, 400, *rng.integers(1, 200, 4)]))
    shape = [(1, depth), (1, 3, depth), (2, 2, 2, depth)][int(rng.integers(3))]
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0 if rng.random() < 0.7 else between(rng, 0.1, 3)
    scale = between(rng, 1e-6, (50 if dtype == "int8" else 4.8) / options.beta)
    tensors = [
        edge("x", shape, dtype, scale, zero_point(rng, dtype)),
        edge("y", shape, dtype, *OUTPUTS[dtype]),
    ]
    inputs = values(rng, shape, dtype, 6)
    if dtype != "float32":  # values close to each other, and equal ones
        near = rng.integers(-30, 31, inputs[3:].shape)
        inputs[3:] = np.clip(near, *([-128, 127] if dtype == "int8" else [-32768, 32767]))
        inputs[5] = inputs[5].reshape(-1)[0]
    return Case(model(tensors, [operator("SOFTMAX", [0], [1], options, 3)]), inputs)
