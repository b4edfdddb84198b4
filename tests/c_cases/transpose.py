"""Random models of TRANSPOSE."""

import dataclasses

from c_cases import tensors
from c_models import Case, model, operator

DTYPES = ("int8", "uint8", "int16", "float32")


def random_case(rng) -> Case:
    dtype, rank = str(rng.choice(DTYPES)), int(rng.integers(1, 7))
    shape = tensors.shape(rng, rank, 5)
    order = [int(axis) for axis in rng.permutation(rank)]
    x = tensors.activation(rng, "x", shape, dtype)
    y = dataclasses.replace(x, name="y", shape=tuple(shape[axis] for axis in order))
    given = [axis - rank if rng.random() < 0.2 else axis for axis in order]
    graph = [x, tensors.integers("order", given), y]
    content = model(graph, [operator("TRANSPOSE", [0, 1], [2])])
    return Case(content, tensors.values(rng, (2, *shape), dtype))
