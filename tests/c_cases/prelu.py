import numpy as np
from c_cases.edges import between, edge, values, zero_point
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor


def random_case(rng) -> Case:
    dtype = str(rng.choice(["int8", "float32"]))
    shape = (1, *(int(size) for size in rng.integers(1, 9, 3)))
    first = int(rng.integers(1, 5))  # alpha is shared by the axes before this one
    alpha_shape = (1,) * (first - 1) + shape[first:] if rng.random() < 0.5 else shape[first:]
    alpha_shape = alpha_shape or (1,)
    source, target = between(rng, 1e-3, 1), between(rng, 1e-3, 1)
    real = rng.normal(0.2, 0.3, alpha_shape).astype(np.float32)
    stored = rng.integers(-128, 128, alpha_shape).astype(np.int8)
    scales = (between(rng, 1e-3, 0.1),), (zero_point(rng, dtype),)
    alpha = (
        Tensor("alpha", alpha_shape, dtype, real)
        if dtype == "float32"
        else Tensor("alpha", alpha_shape, dtype, stored, *scales)
    )
    tensors = [
        edge("x", shape, dtype, source, zero_point(rng, dtype)),
        alpha,
        edge("y", shape, dtype, target, zero_point(rng, dtype)),
    ]
    operators = [operator("PRELU", [0, 1], [2])]
    if dtype == "float32" and rng.random() < 0.4:
        tensors.append(Tensor("half", alpha_shape, "float16", real.astype(np.float16)))
        tensors[1] = Tensor("alpha", alpha_shape, dtype)
        operators.insert(0, operator("DEQUANTIZE", [3], [1]))
    inputs = values(rng, shape, dtype, 4)
    return Case(model(tensors, operators, target=2), inputs)
