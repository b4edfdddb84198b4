"""Random models of several operators, some of which write an output in parts or over an input.

Every tensor is read: what no operator has read is concatenated to the output. So a tensor that is
overwritten too early changes the output.
"""

import dataclasses

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import tensors
from c_models import Case, model, operator

WIDTH = 4


class _Graph:
    """Tensors of shape (rows, WIDTH) and one scale, and the operators between them."""

    def __init__(self, rng):
        self.rng, self.operators, self.unread = rng, [], [0]
        self.dtype = str(rng.choice(["int8", "int16", "float32"]))
        x = tensors.activation(rng, "x", (int(rng.integers(1, 5)), WIDTH), self.dtype)
        self.tensors, self.rows = [x], [0]

    def constant(self, numbers):
        self.tensors.append(tensors.integers(f"c{len(self.tensors)}", numbers))
        return len(self.tensors) - 1

    def activation(self, *shape):
        name = f"t{len(self.tensors)}"
        self.tensors.append(dataclasses.replace(self.tensors[0], name=name, shape=shape))
        return len(self.tensors) - 1

    def add(self, name, inputs, outputs, options=None):
        self.operators.append(operator(name, inputs, outputs, options))
        self.unread = [item for item in self.unread if item not in inputs] + list(outputs)
        self.rows += [item for item in outputs if self.tensors[item].shape[1:] == (WIDTH,)]

    def pick(self):
        return int(self.rng.choice(self.rows))

    def extent(self, index):
        return self.tensors[index].shape[0]


def _concatenation(graph):
    inputs = [graph.pick() for _ in range(int(graph.rng.integers(2, 4)))]
    _joined(graph, inputs)


def _joined(graph, inputs):
    options = schema.ConcatenationOptionsT()
    rows = sum(graph.extent(item) for item in inputs)
    graph.add("CONCATENATION", inputs, [graph.activation(rows, WIDTH)], options)


def _pad(graph):
    source = graph.pick()
    before, after = (int(item) for item in graph.rng.integers(0, 3, 2))
    target = graph.activation(graph.extent(source) + before + after, WIDTH)
    graph.add("PAD", [source, graph.constant([[before, after], [0, 0]])], [target])


def _split(graph):
    source = graph.pick()
    count = next(n for n in (3, 2, 1) if graph.extent(source) % n == 0)
    options = schema.SplitOptionsT()
    options.numSplits = count
    parts = [graph.activation(graph.extent(source) // count, WIDTH) for _ in range(count)]
    graph.add("SPLIT", [graph.constant(0), source], parts, options)


def _transposed_twice(graph):
    source = graph.pick()
    middle = graph.activation(WIDTH, graph.extent(source))
    order = graph.constant([1, 0])
    graph.add("TRANSPOSE", [source, order], [middle])
    graph.add("TRANSPOSE", [middle, order], [graph.activation(graph.extent(source), WIDTH)])


def _reshape(graph):
    source = graph.pick()
    flat = graph.activation(1, graph.extent(source), 1, WIDTH)
    shape = graph.constant(graph.tensors[flat].shape)
    graph.add("RESHAPE", [source, shape], [flat], schema.ReshapeOptionsT())
    back = graph.activation(graph.extent(source), WIDTH)
    shape = graph.constant(graph.tensors[back].shape)
    graph.add("RESHAPE", [flat, shape], [back], schema.ReshapeOptionsT())


def _sum(graph):
    first = graph.pick()
    same = [item for item in graph.rows if graph.extent(item) == graph.extent(first)]
    options = schema.AddOptionsT()
    options.potScaleInt16 = False
    target = graph.activation(graph.extent(first), WIDTH)
    graph.add("ADD", [first, int(graph.rng.choice(same))], [target], options)


WAYS = (_concatenation, _concatenation, _pad, _split, _transposed_twice, _reshape, _sum, _sum)


def random_case(rng) -> Case:
    graph = _Graph(rng)
    for _ in range(int(rng.integers(1, 9))):
        if max(graph.extent(item) for item in graph.rows) < 60:
            WAYS[int(rng.integers(0, len(WAYS)))](graph)
    if len(graph.unread) > 1:
        _joined(graph, graph.unread)
    content = model(graph.tensors, graph.operators, target=graph.unread[0])
    shape = graph.tensors[0].shape
    return Case(content, np.array([tensors.values(rng, shape, graph.dtype) for _ in range(3)]))
