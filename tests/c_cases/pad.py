"""Random models of PAD or PADV2."""

import dataclasses

import numpy as np
from c_cases import tensors
from c_cases.transpose import DTYPES
from c_models import Case, model, operator


def random_case(rng) -> Case:
    dtype, rank = str(rng.choice(DTYPES)), int(rng.integers(1, 6))
    shape = tensors.shape(rng, rank, 5)
    paddings = rng.integers(0, 4, (rank, 2)) * (rng.random((rank, 1)) < 0.6)
    x = tensors.activation(rng, "x", shape, dtype)
    y = dataclasses.replace(x, name="y", shape=tuple(int(n) for n in shape + paddings.sum(axis=1)))
    width = np.int64 if rng.random() < 0.3 else np.int32
    graph = [x, tensors.integers("paddings", paddings, width)]
    if rng.random() < 0.4:
        value = tensors.values(rng, (1,), dtype)
        graph.append(dataclasses.replace(x, name="value", shape=(1,), data=value))
    name = "PADV2" if len(graph) == 3 else "PAD"
    graph.append(y)
    inputs = list(range(len(graph) - 1))
    content = model(graph, [operator(name, inputs, [len(graph) - 1])])
    return Case(content, tensors.values(rng, (2, *shape), dtype))
