import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_models import Case, check, model, operator

from edgeae.formats.tflite.graph import Tensor


def fully_connected(rng, activation, per_channel) -> Case:
    rows, columns = int(rng.integers(1, 40)), int(rng.integers(1, 200))
    scales = rng.uniform(0.001, 0.02, rows if per_channel else 1).astype(np.float32)
    source, target = np.float32(rng.uniform(0.001, 0.1)), np.float32(rng.uniform(0.001, 0.5))
    points = [int(item) for item in rng.integers(-128, 128, 2)]
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    zeros = (0,) * len(scales)
    tensors = [
        Tensor("x", (1, columns), "int8", None, (float(source),), (points[0],)),
        Tensor(
            "w",
            (rows, columns),
            "int8",
            rng.integers(-127, 128, (rows, columns)).astype(np.int8),
            tuple(float(item) for item in scales),
            zeros,
        ),
        Tensor(
            "b",
            (rows,),
            "int32",
            rng.integers(-5000, 5000, rows).astype(np.int32),
            tuple(float(source * item) for item in scales),
            zeros,
        ),
        Tensor("y", (1, rows), "int8", None, (float(target),), (points[1],)),
    ]
    inputs = rng.integers(-128, 128, (20, 1, columns)).astype(np.int8)
    return Case(model(tensors, [operator("FULLY_CONNECTED", [0, 1, 2], [3], options, 4)]), inputs)


@pytest.mark.parametrize("seed", range(2))
def test_equals_the_reference_kernel(seed):
    rng = np.random.default_rng(seed)
    check([fully_connected(rng, n % 4, per_channel=n % 8 < 4) for n in range(32)])
