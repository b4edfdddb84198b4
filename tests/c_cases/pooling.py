from ai_edge_litert import schema_py_generated as schema
from c_cases.edges import TYPES, between, edge, values, zero_point
from c_models import Case, model, operator


def random_case(rng) -> Case:
    dtype = str(rng.choice(TYPES))
    name = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    batches, height, width, channels = (int(n) for n in rng.integers(1, [3, 12, 12, 6]))
    options = schema.Pool2DOptionsT()
    options.padding = int(rng.random() < 0.35)
    limits = [height + 1, width + 1] if options.padding else [8, 8]  # VALID: within the input
    options.filterHeight, options.filterWidth = (int(n) for n in rng.integers(1, limits))
    options.strideH, options.strideW = (int(n) for n in rng.integers(1, 5, 2))
    options.fusedActivationFunction = int(rng.choice([0, 0, 0, 1, 2, 3]))
    shape = (
        batches,
        _places(height, options.filterHeight, options.strideH, options.padding),
        _places(width, options.filterWidth, options.strideW, options.padding),
        channels,
    )
    scale, point = between(rng, 1e-3, 0.2), zero_point(rng, dtype)
    tensors = [
        edge("x", (batches, height, width, channels), dtype, scale, point),
        edge("y", shape, dtype, scale, point),
    ]
    inputs = values(rng, (batches, height, width, channels), dtype)
    return Case(model(tensors, [operator(name, [0], [1], options, 3)]), inputs)


def _places(size, window, stride, padding) -> int:
    return -(-(size - window + 1 if padding else size) // stride)
