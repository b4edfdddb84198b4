import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases.edges import TYPES, between, edge, values, zero_point
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor


def random_case(rng, name="RESIZE_NEAREST_NEIGHBOR") -> Case:
    dtype = str(rng.choice(TYPES))
    batches, height, width, channels = (int(n) for n in rng.integers(1, [3, 10, 10, 5]))
    factor = int(rng.integers(1, 4))
    size = [height * factor, width * factor]
    if rng.random() < 0.6:
        size = [int(n) for n in rng.integers(1, 24, 2)]
    bilinear = name == "RESIZE_BILINEAR"
    options = (
        schema.ResizeBilinearOptionsT() if bilinear else schema.ResizeNearestNeighborOptionsT()
    )
    options.alignCorners = bool(rng.random() < 0.4)
    options.halfPixelCenters = bool(rng.random() < 0.5 and not (bilinear and options.alignCorners))
    scale, point = between(rng, 1e-3, 0.2), zero_point(rng, dtype)
    tensors = [
        edge("x", (batches, height, width, channels), dtype, scale, point),
        Tensor("size", (2,), "int32", np.array(size, np.int32)),
        edge("y", (batches, *size, channels), dtype, scale, point),
    ]
    inputs = values(rng, (batches, height, width, channels), dtype)
    return Case(model(tensors, [operator(name, [0, 1], [2], options, 3)]), inputs)
