import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from c_cases.edges import between, edge, ramp, zero_point
from c_models import Case, generated, model, operator


def elu(rng, dtype) -> Case:
    inputs = ramp(rng, dtype)
    scales = between(rng, 1e-3, 0.5), between(rng, 1e-3, 0.1)
    tensors = [
        edge(name, inputs.shape[1:], dtype, scale, zero_point(rng, dtype))
        for name, scale in zip("xy", scales, strict=True)
    ]
    return Case(model(tensors, [operator("ELU", [0], [1])]), inputs)


def optimized(case: Case) -> np.ndarray:
    """The answer of LiteRT's other kernels: the reference's table of operators has no ELU."""
    interpreter = Interpreter(
        model_content=case.content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], case.inputs[0])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_equals_the_optimized_kernel():
    rng = np.random.default_rng(0)
    cases = [elu(rng, "int8" if n % 4 else "float32") for n in range(16)]
    for case, answers in zip(cases, generated(cases), strict=True):
        expected = optimized(case)
        if expected.dtype == np.int8:
            assert np.array_equal(answers[0], expected)
        else:
            assert np.allclose(answers[0], expected, rtol=1e-6, atol=1e-6)
