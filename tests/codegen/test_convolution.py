import dataclasses

import c_models
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_cases import conv_2d, depthwise_conv_2d, transpose_conv
from c_models import Case, check, generated, model, operator, reference

from edgeae.codegen.program import program
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, Tensor, read, write

CASES = {item.__name__: item.random_case for item in (conv_2d, depthwise_conv_2d, transpose_conv)}
INT8 = ("int8", "int8", "int32")
INT16 = ("int16", "int8", "int64")
FLOAT16 = ("float32", "float16", "float16")


@pytest.mark.parametrize("name", CASES)
def test_equals_the_reference_kernel(name):
    rng = np.random.default_rng(1)
    check([CASES[name](rng) for _ in range(14)])


def test_a_scale_above_1_shifts_left():
    cases = [_convolution(weights=[1, -1, 0], scale=8.0, points=(-3, 5)) for _ in range(2)]
    assert 8 < np.ptp(reference(cases[0])) < 255
    check(cases)


def test_a_band_of_rows_is_another_padding_and_height(monkeypatch):
    rng, first, last = np.random.default_rng(2), 2, 5
    cases = [
        case
        for case in (draw(rng, INT8) for draw in CASES.values() for _ in range(20))
        if (shape := _output(case).shape)[0] == 1 and shape[1] >= last
    ][:6]
    assert len(cases) == 6
    monkeypatch.setattr(c_models, "program", lambda *a: _band(program(*a), first, last))
    for case, answers in zip(cases, generated(cases), strict=True):
        assert np.array_equal(answers[:, :, : last - first], reference(case)[:, :, first:last])


def _output(case: Case) -> Tensor:
    graph = read(case.content, "case")
    return graph.tensors[graph.outputs["output"]]


def _band(whole, first: int, last: int):
    (step,) = whole.steps
    pad = step.members["pad_top"] - first * step.members["stride_height"]
    members = {**step.members, "pad_top": pad, "out_height": last - first}
    return dataclasses.replace(whole, steps=(dataclasses.replace(step, members=members),))


def test_every_finite_float16_is_converted_exactly():
    bits = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    weights = bits[np.isfinite(bits)].reshape(-1, 1, 1, 1)
    case = _float16(weights)
    (answers,) = generated([case])
    assert np.array_equal(answers.ravel(), weights.ravel().astype(np.float32))
    assert np.array_equal(answers, reference(case))


def test_float16_weights_stay_float16():
    case = _float16(np.array([0.1], np.float16).reshape(1, 1, 1, 1))
    (weights, bias) = program(read(case.content, "case"), "case").constants()
    assert (weights.c_type, bias.c_type) == ("uint16_t", "uint16_t")


def _float16(weights) -> Case:
    count = len(weights)
    tensors = [
        Tensor("x", (1, 1, 1, 1), "float32"),
        Tensor("w16", weights.shape, "float16", weights),
        Tensor("w", weights.shape, "float32"),
        Tensor("b16", (count,), "float16", np.zeros(count, np.float16)),
        Tensor("b", (count,), "float32"),
        Tensor("y", (1, 1, 1, count), "float32"),
    ]
    operators = [
        operator("DEQUANTIZE", [1], [2], None, 3),
        operator("DEQUANTIZE", [3], [4], None, 3),
        operator("CONV_2D", [0, 2, 4], [5], _options(), 1),
    ]
    return Case(model(tensors, operators), np.ones((1, 1, 1, 1, 1), np.float32))


def _options(activation: int = 0):
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    options.fusedActivationFunction = activation
    return options


def _convolution(weights=(3, -2, 1), scale=0.01, points=(0, 0), activation=0, bias=7) -> Case:
    """A CONV_2D of one row of int8, with a kernel of three columns and one channel."""
    values = np.array(weights, np.int8).reshape(1, 1, -1, 1)
    inputs = np.arange(-8, 9).astype(np.int8).reshape(1, 1, 1, -1, 1)
    tensors = [
        Tensor("x", inputs.shape[1:], "int8", None, (1.0,), (points[0],)),
        Tensor("w", values.shape, "int8", values, (scale,), (0,)),
        Tensor("b", (1,), "int32", np.array([bias], np.int32), (scale,), (0,)),
        Tensor("y", inputs.shape[1:], "int8", None, (1.0,), (points[1],)),
    ]
    return Case(model(tensors, [operator("CONV_2D", [0, 1, 2], [3], _options(activation))]), inputs)


def _with(case: Case, index: int, **changes) -> bytes:
    """The model of a case with other fields of one tensor."""
    graph = read(case.content, "case")
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **changes)
    return write(Graph(tuple(tensors), graph.operators, graph.inputs, graph.outputs))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_with(_convolution(), 0, shape=(1, 17, 1)), "Input, filter and output have four dim"),
        (_with(_convolution(), 1, data=None), "Filter and bias are constants"),
        (_with(_convolution(), 1, zero_points=(1,)), "the filter's zero points are 0"),
        (_with(_convolution(), 3, dtype="uint8"), "Input and output are int8, int16"),
        (_with(_convolution(), 2, dtype="int64", data=np.array([7])), "The bias of int8 is int32"),
        (_with(_convolution(), 1, scales=(-1.0,)), "Each integer has one scale"),
        (_with(_convolution(), 3, shape=(1, 1, 16, 1)), "The shapes of input, filter"),
        (_convolution(activation=4).content, "The fused activation is none"),
        (_convolution(bias=2**31 - 1).content, "a sum may exceed 32 bits"),
        (_convolution(scale=float(2**30)).content, "a sum may exceed 32 bits"),
        (_float16(np.full((1, 1, 1, 1), np.inf, np.float16)).content, "is infinite or NaN"),
    ],
)
def test_refuses_what_it_cannot_compute_exactly(content, reason):
    with pytest.raises(BadInput, match=f"operator ., CONV_2D: .*{reason}"):
        program(read(content, "file"), "file")
