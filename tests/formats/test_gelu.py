"""GELU in operators of ONNX, against its definition."""

import math

import numpy as np
import onnx
import onnx_models
import onnx_operators

from edgeae.formats.onnx.gelu import spell_out_gelu


def test_gelu_is_x_times_the_normal_distribution():
    model = onnx_operators.case("a = Neg(x) b = Neg(a) y = Neg(b)", (5,))
    model.graph.node[1].op_type = "TFL_GELU"
    spell_out_gelu(model.graph)
    assert [node.op_type for node in model.graph.node][1:-1] == ["Div", "Erf", "Add", "Mul", "Mul"]
    onnx.checker.check_model(model)
    x = np.linspace(-4, 4, 50, dtype=np.float32).reshape(10, 5)
    expected = [[item * (1 + math.erf(item / math.sqrt(2))) / 2 for item in row] for row in -x]
    found = onnx_models.run(model.SerializeToString(), x)
    np.testing.assert_allclose(found, -np.array(expected), atol=1e-6)


def test_the_complement_of_the_error_function_is_written_out():
    model = onnx_operators.case("a = Neg(x) y = Neg(a)", (5,))
    model.graph.node[1].op_type = "Erfc"
    spell_out_gelu(model.graph)
    x = np.linspace(-2, 2, 5, dtype=np.float32).reshape(1, 5)
    found = onnx_models.run(model.SerializeToString(), x)
    np.testing.assert_allclose(found[0], [math.erfc(-item) for item in x[0]], atol=1e-6)


def test_a_graph_without_it_stays_as_it_is():
    model = onnx_operators.case("y = Relu(x)", (5,))
    before = model.SerializeToString(deterministic=True)
    spell_out_gelu(model.graph)
    assert model.SerializeToString(deterministic=True) == before
