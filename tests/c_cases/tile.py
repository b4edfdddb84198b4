"""Random models of TILE."""

import numpy as np
from c_cases import tensors
from c_models import Case, model, operator

from edgeae.formats.tflite.graph import Tensor

DTYPES = ("int8", "uint8", "int16", "float32")


def random_case(rng) -> Case:
    dtype, rank = str(rng.choice(DTYPES)), int(rng.integers(1, 6))
    shape = tensors.shape(rng, rank, 5)
    multiples = rng.integers(1, 4, rank) if rng.random() < 0.5 else 1 + (rng.random(rank) < 0.4)
    multiples = multiples.astype(np.int64 if rng.random() < 0.2 else np.int32)
    x = tensors.activation(rng, "x", shape, dtype)
    counts = Tensor("m", (rank,), multiples.dtype.name, multiples)
    target = tuple(int(item) for item in np.multiply(shape, multiples))
    y = Tensor("y", target, dtype, None, x.scales, x.zero_points)
    content = model([x, counts, y], [operator("TILE", [0, 1], [2])])
    return Case(content, tensors.values(rng, (3, *shape), dtype))
