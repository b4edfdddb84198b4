import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import quantize
from c_models import Case, check, model, operator

from edgeae.codegen.program import program
from edgeae.formats.tflite.graph import Tensor, read


def test_equals_the_reference_kernel():
    rng = np.random.default_rng(0)
    check([quantize.random_case(rng) for _ in range(30)])


def test_uint8_edges_of_an_int8_model():
    """As the converter makes them: the caller's uint8 differs from the inside by 128."""
    rng = np.random.default_rng(1)
    outside = Tensor("x", (2, 5), "uint8", None, (0.1,), (200,))
    inside = Tensor("a", (2, 5), "int8", None, (0.1,), (72,))
    numbers = rng.integers(-128, 128, (2, 5)).astype(np.int8)
    tensors = [
        outside,
        inside,
        Tensor("b", (2, 5), "int8", numbers, (0.05,), (3,)),
        Tensor("c", (2, 5), "int8", None, (0.1,), (-20,)),
        Tensor("y", (2, 5), "uint8", None, (0.1,), (108,)),
    ]
    operators = [
        operator("QUANTIZE", [0], [1]),
        operator("MUL", [1, 2], [3], schema.MulOptionsT()),
        operator("QUANTIZE", [3], [4]),
    ]
    content = model(tensors, operators)
    assert [step.kernel for step in program(read(content, "x"), "x").steps] == [
        "flip",
        "mul_int8",
        "flip",
    ]
    check([Case(content, rng.integers(0, 256, (20, 2, 5)).astype(np.uint8))])
