"""Random models of one operator with two operands: ADD, SUB or MUL."""

import dataclasses

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import tensors
from c_models import Case, model, operator


def random_case(rng, names, dtypes=("int8", "int8", "int16", "float32")) -> Case:
    """One operand is the input; the other is the input, too, a constant, or RELU6 of the input."""
    name, dtype = str(rng.choice(names)), str(rng.choice(dtypes))
    shape = tensors.shape(rng, int(rng.integers(1, 7)), 5)
    other = broadcast(rng, shape)
    kind = str(rng.choice(["constant", "same"] if other == shape else ["constant"]))
    x = tensors.activation(rng, "x", shape, dtype)
    if kind == "constant" and rng.random() < 0.3:  # the input is the operand that is broadcast
        shape, other = other, shape
        x = dataclasses.replace(x, shape=shape)
    y = tensors.activation(rng, "y", np.broadcast_shapes(shape, other), dtype)
    y = dataclasses.replace(y, scales=_target_scale(rng, name, x, x))
    graph, places = [x], [0, 0]
    if kind == "constant":
        b = tensors.activation(rng, "b", other, dtype)
        graph.append(dataclasses.replace(b, data=tensors.values(rng, other, dtype)))
        y = dataclasses.replace(y, scales=_target_scale(rng, name, x, b))
        places = [0, 1] if rng.random() < 0.5 else [1, 0]
    graph.append(y)
    content = model(graph, [operator(name, places, [len(graph) - 1], _options(rng, name))])
    return Case(content, tensors.values(rng, (6, *shape), dtype))


def broadcast(rng, shape):
    """A shape that is broadcast to another one."""
    if rng.random() < 0.4:
        return shape
    ones = tuple(int(item) if rng.random() < 0.5 else 1 for item in shape)
    return ones[int(rng.integers(0, len(shape) + 1)) :]


def _target_scale(rng, name, a, b):
    """An output scale near what the results need, so that few of them are clamped."""
    if a.dtype == "float32":
        return ()
    top = float(np.iinfo(a.dtype).max)
    need = a.scales[0] * b.scales[0] * top if name == "MUL" else max(a.scales[0], b.scales[0])
    return (float(np.float32(need * 2.0 ** rng.uniform(-3, 2))),)


def _options(rng, name):
    options = getattr(schema, f"{name.capitalize()}OptionsT")()
    options.fusedActivationFunction = int(rng.integers(0, 4))
    if name != "MUL":
        options.potScaleInt16 = False
    return options
