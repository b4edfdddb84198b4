"""What a file with an open batch computes of shapes is a constant of the C file."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_cases import tensors
from c_models import Case, check, model, operator

from edgeae.codegen.program import program
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor, read


def number(name: str, shape=()) -> Tensor:
    return Tensor(name, shape, "int32")


def options(kind: str, **values):
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def sliced(source: int, target: int, first: int, last: int):
    return operator(
        "STRIDED_SLICE",
        [source, first, last, last],
        [target],
        options("StridedSlice", shrinkAxisMask=1),
    )


def reshaped(extra=(), shape=(1, 4, 6), last=None) -> bytes:
    """(1, 4, 6) → (batch, 24 by some computation) → what the file does not state, with a RELU."""
    graph = [
        Tensor("x", (1, 4, 6), "float32"),
        number("shape", (3,)),
        tensors.integers("0", [0]),
        tensors.integers("1", [1]),
        number("batch"),
        tensors.integers("24", 24),
        number("sizes", (2,)),
        Tensor("flat", (1, 1), "float32"),
        Tensor("y", (1, 1), "float32"),
    ]
    operators = [
        operator("SHAPE", [0], [1], options("Shape", outType=schema.TensorType.INT32)),
        sliced(1, 4, 2, 3),
        operator("PACK", [4, 5], [6], options("Pack", valuesCount=2)),
        last or operator("RESHAPE", [0, 6], [7], options("Reshape")),
        operator("RELU", [7], [8]),
    ]
    return model(graph, operators)


def test_a_shape_is_computed_and_those_behind_it_follow():
    content = reshaped()
    made = program(read(content, "x"), "x")
    assert made.output.shape == (1, 24)
    assert [step.kernel for step in made.steps] == ["limit_float32"]
    inputs = np.random.default_rng(0).normal(size=(4, 1, 4, 6)).astype(np.float32)
    check([Case(content, inputs)])


#: (operator, options, values of the inputs, the values it computes)
COMPUTED = [
    ("ADD", options("Add"), [[1, 2], 3], [4, 5]),
    ("CAST", None, [[1, 2]], [1, 2]),
    ("CONCATENATION", options("Concatenation", axis=0), [[1], [2, 3]], [1, 2, 3]),
    ("EXPAND_DIMS", options("ExpandDims"), [[1, 2], 0], [[1, 2]]),
    ("FILL", options("Fill"), [[2, 2], 7], [[7, 7], [7, 7]]),
    ("FLOOR_DIV", options("FloorDiv"), [[7, -7], 2], [3, -4]),
    ("GATHER", options("Gather", axis=0), [[5, 6, 7], [2, 0]], [7, 5]),
    ("MAXIMUM", options("MaximumMinimum"), [[1, 5], 3], [3, 5]),
    ("MINIMUM", options("MaximumMinimum"), [[1, 5], 3], [1, 3]),
    ("MUL", options("Mul"), [[2, 3], [4, 5]], [8, 15]),
    ("PACK", options("Pack", valuesCount=2, axis=1), [[1, 2], [3, 4]], [[1, 3], [2, 4]]),
    ("RANGE", options("Range"), [0, 5, 2], [0, 2, 4]),
    ("REDUCE_PROD", options("Reducer", keepDims=False), [[2, 3, 4], [0]], 24),
    ("RESHAPE", options("Reshape"), [[1, 2, 3, 4], [2, -1]], [[1, 2], [3, 4]]),
    ("SLICE", None, [[1, 2, 3, 4], [1], [2]], [2, 3]),
    ("SQUEEZE", options("Squeeze", squeezeDims=[0]), [[[1, 2]]], [1, 2]),
    ("SUB", options("Sub"), [[5, 5], [2, 7]], [3, -2]),
    ("SUM", options("Reducer", keepDims=True), [[2, 3, 4], [0]], [9]),
    ("TRANSPOSE", None, [[[1, 2], [3, 4]], [1, 0]], [[1, 3], [2, 4]]),
]


@pytest.mark.parametrize(("name", "settings", "values", "expected"), COMPUTED)
def test_integers_of_constants_are_constants(name, settings, values, expected):
    """The model adds 0 to what is computed, for it may not be the output itself."""
    given = [tensors.integers(f"c{place}", item) for place, item in enumerate(values)]
    places = range(1, 1 + len(given))
    shape = np.shape(expected)
    graph = [Tensor("x", (1, 1), "float32"), *given, number("sizes", shape)]
    graph.append(Tensor("y", (1, 1), "float32"))
    target = len(given) + 1
    operators = [
        operator(name, list(places), [target], settings),
        operator("RELU", [0], [target + 1]),
    ]
    made = program(read(model(graph, operators), "x"), "x")
    stored = made.graph.tensors[target]
    assert stored.data.dtype == np.int32
    assert np.array_equal(stored.data, expected) and stored.shape == shape


@pytest.mark.parametrize(
    ("place", "changed", "message"),
    [
        (2, operator("PACK", [4, 0], [6], options("Pack")), "operator 2, PACK: not supported"),
        (2, operator("RANGE", [2, 3, 2], [6], options("Range")), "operator 2, RANGE: its inputs"),
        (1, sliced(1, 4, 5, 3), "operator 1, STRIDED_SLICE: its inputs do not fit"),
        (2, operator("FLOOR_DIV", [3, 2], [6], None), "operator 2, FLOOR_DIV: its inputs do not"),
        (3, operator("RESHAPE", [0, 3], [7], None), "operator 3, RESHAPE: not supported"),
        (3, operator("RELU", [0], [5]), "operator 3, RELU: writes a constant"),
    ],
)
def test_what_depends_on_data_or_does_not_fit_is_refused(place, changed, message):
    graph = read(reshaped(), "x")
    operators = [*graph.operators[:place], changed, *graph.operators[place + 1 :]]
    with pytest.raises(BadInput, match=message):
        program(read(model(graph.tensors, operators), "x"), "x")
