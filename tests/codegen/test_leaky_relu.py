import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_cases import leaky_relu
from c_cases.edges import edge, ramp
from c_models import Case, check, model, operator


def test_equals_the_reference_kernel():
    rng = np.random.default_rng(0)
    check([leaky_relu.random_case(rng) for _ in range(40)])


def test_halves_of_a_negative_alpha():
    options = schema.LeakyReluOptionsT()
    options.alpha = -0.5
    inputs = ramp(np.random.default_rng(0), "int8")
    tensors = [edge(name, inputs.shape[1:], "int8", 0.25) for name in "xy"]
    check([Case(model(tensors, [operator("LEAKY_RELU", [0], [1], options, 2)]), inputs)])
