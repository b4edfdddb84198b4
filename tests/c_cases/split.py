"""Random models of SPLIT: some of the parts are concatenated, in another order."""

import dataclasses

from ai_edge_litert import schema_py_generated as schema
from c_cases import tensors
from c_models import Case, model, operator


def random_case(rng) -> Case:
    dtype, rank = str(rng.choice(["int8", "uint8", "int16", "float32"])), int(rng.integers(1, 6))
    shape, axis = list(tensors.shape(rng, rank, 5)), int(rng.integers(0, rank))
    count = int(rng.integers(1, 5))
    part = tuple(shape)
    shape[axis] *= count
    x = tensors.activation(rng, "x", shape, dtype)
    graph = [x, tensors.integers("axis", axis - rank if rng.random() < 0.3 else axis)]
    parts = [len(graph) + place for place in range(count)]
    graph += [dataclasses.replace(x, name=f"part {place}", shape=part) for place in range(count)]
    used = [int(item) for item in rng.permutation(parts)[: int(rng.integers(1, count + 1))]]
    options, join = schema.SplitOptionsT(), schema.ConcatenationOptionsT()
    options.numSplits, join.axis = count, axis
    operators = [operator("SPLIT", [1, 0], parts, options)]
    target = used[0]
    if len(used) > 1:
        joined = (*part[:axis], part[axis] * len(used), *part[axis + 1 :])
        target = len(graph)
        graph.append(dataclasses.replace(x, name="y", shape=joined))
        operators.append(operator("CONCATENATION", used, [target], join))
    content = model(graph, operators, target=target)
    return Case(content, tensors.values(rng, (2, *shape), dtype))
