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
    graph, operators, places = [x], [], [0, 0]
    if kind == "constant":
        b = tensors.activation(rng, "b", other, dtype)
        b = dataclasses.replace(b, data=tensors.values(rng, other, dtype))
        y = dataclasses.replace(y, scales=_target_scale(rng, name, x, b))
        graph.append(b)
        if dtype == "float32" and rng.random() < 0.5:
            graph[1:] = _stored(rng, b)
            operators.append(operator("DEQUANTIZE", [1], [2]))
        places = [0, len(graph) - 1] if rng.random() < 0.5 else [len(graph) - 1, 0]
    graph.append(y)
    operators.append(operator(name, places, [len(graph) - 1], _options(rng, name)))
    content = model(graph, operators)
    return Case(content, tensors.values(rng, (6, *shape), dtype))


def _stored(rng, b):
    """A constant as float16, or as int8 with a scale for all or for each slice; and its float32."""
    if rng.random() < 0.5:
        stored = dataclasses.replace(b, dtype="float16", data=b.data.astype(np.float16))
    else:
        axis = int(rng.integers(0, len(b.shape))) if b.shape else 0
        count = b.shape[axis] if b.shape and rng.random() < 0.5 else 1
        data = tensors.values(rng, b.shape, "int8")
        scales = tuple(tensors.scale(rng) for _ in range(count))
        points = tuple(int(item) for item in rng.integers(-20, 20, count))
        stored = dataclasses.replace(
            b, dtype="int8", data=data, scales=scales, zero_points=points, axis=axis
        )
    return [dataclasses.replace(stored, name="stored"), dataclasses.replace(b, data=None)]


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
