"""Random models of QUANTIZE, from floats and between integers."""

import numpy as np
from c_cases import tensors
from c_models import Case, model, operator

PAIRS = (
    *(("float32", target) for target in ("int8", "uint8", "int16")),
    *((source, target) for source in ("int8", "uint8") for target in ("int8", "uint8")),
    ("int16", "int8"),
    ("int16", "int16"),
)


def random_case(rng) -> Case:
    source, target = PAIRS[int(rng.integers(0, len(PAIRS)))]
    shape = tensors.shape(rng, int(rng.integers(1, 5)))
    x, y = tensors.activation(rng, "x", shape, source), tensors.activation(rng, "y", shape, target)
    if source == "float32":
        inputs = floats(rng, (8, *shape), y)
    else:
        inputs = tensors.values(rng, (8, *shape), source)
        x, y = _near(rng, x, y)
    content = model([x, y], [operator("QUANTIZE", [0], [1])])
    return Case(content, inputs)


def floats(rng, shape, target):
    """Values in and around the target's range; some are near the middle of two steps.

    Beyond 2^31 steps, LiteRT 2.3.0 converts a float to an integer that cannot hold it, so its
    answers differ from processor to processor; the generated C gives the nearest end of the range.
    """
    limits = np.iinfo(target.dtype)
    steps = rng.uniform(limits.min - 20, limits.max + 20, shape) - target.zero_points[0]
    halves = np.floor(steps) + 0.5
    picked = np.where(rng.random(shape) < 0.4, halves, steps).astype(np.float32)
    far = np.where(rng.random(shape) < 0.02, np.float32(20000), np.float32(1))
    return (picked * far * np.float32(target.scales[0])).astype(np.float32)


def _near(rng, x, y):
    """Scales that differ by a factor of up to 16, or not at all."""
    factor = 1.0 if rng.random() < 0.3 else 2.0 ** rng.uniform(-4, 4)
    if x.dtype == "int16" and y.dtype == "int8":
        factor *= 256
    elif x.dtype != y.dtype and rng.random() < 0.5:  # as at the edges of a uint8 model
        point = x.zero_points[0] + (128 if y.dtype == "uint8" else -128)
        y = tensors.activation(rng, "y", y.shape, y.dtype, zero_points=(point,))
        factor = 1.0
    scale = float(np.float32(x.scales[0] * factor))
    return x, tensors.activation(
        rng, "y", y.shape, y.dtype, scales=(scale,), zero_points=y.zero_points
    )
