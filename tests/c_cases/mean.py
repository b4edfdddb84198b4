import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases.edges import TYPES, between, edge, values, zero_point
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor


def random_case(rng) -> Case:
    dtype = str(rng.choice(TYPES))
    shape = tuple(int(size) for size in rng.integers(1, 9, int(rng.integers(1, 5))))
    rank = len(shape)
    chosen = rng.choice(rank, int(rng.integers(1, rank + 1)), replace=False)
    axes = [int(axis) - rank * int(rng.integers(2)) for axis in chosen]
    options = schema.ReducerOptionsT()
    options.keepDims = bool(rng.integers(2))
    kept = [
        1 if place in chosen else size
        for place, size in enumerate(shape)
        if options.keepDims or place not in chosen
    ]
    source = between(rng, 1e-3, 1)
    target = source * float(rng.choice([1, between(rng, 0.05, 4), between(rng, 0.001, 100)]))
    tensors = [
        edge("x", shape, dtype, source, zero_point(rng, dtype)),
        Tensor("axes", (len(axes),), "int32", np.array(axes, np.int32)),
        edge("y", kept, dtype, target, zero_point(rng, dtype)),
    ]
    inputs = values(rng, shape, dtype, 4)
    return Case(model(tensors, [operator("MEAN", [0, 1], [2], options, 3)]), inputs)
