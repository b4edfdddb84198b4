"""Random models of CONCATENATION: of the input, of RELU6 of it, and of constants."""

import dataclasses

from ai_edge_litert import schema_py_generated as schema
from c_cases import tensors
from c_cases.transpose import DTYPES
from c_models import Case, model, operator


def random_case(rng) -> Case:
    dtype, rank = str(rng.choice(DTYPES)), int(rng.integers(1, 6))
    shape, axis = tensors.shape(rng, rank, 5), int(rng.integers(0, rank))
    x = tensors.activation(rng, "x", shape, dtype)
    graph, places, extent = [x], [], 0
    for _ in range(int(rng.integers(1, 5))):
        if rng.random() < 0.6:
            places.append(0)
        else:
            own = (*shape[:axis], int(rng.integers(1, 6)), *shape[axis + 1 :])
            places.append(len(graph))
            data = tensors.values(rng, own, dtype)
            graph.append(dataclasses.replace(x, name=f"c{len(graph)}", shape=own, data=data))
        extent += graph[places[-1]].shape[axis]
    if 0 not in places:
        places.append(0)
        extent += shape[axis]
    rng.shuffle(places)
    y = dataclasses.replace(x, name="y", shape=(*shape[:axis], extent, *shape[axis + 1 :]))
    graph.append(y)
    options = schema.ConcatenationOptionsT()
    options.axis = axis - rank if rng.random() < 0.3 else axis
    content = model(graph, [operator("CONCATENATION", places, [len(graph) - 1], options)])
    return Case(content, tensors.values(rng, (2, *shape), dtype))
