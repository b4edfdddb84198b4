"""What the operators of one input refuse, with the reason."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_cases.edges import edge
from c_models import model, operator

from edgeae.codegen.program import program
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor, read


def refuse(name, source, target, reason, options=None, constant=None, version=1):
    extra = [] if constant is None else [constant]
    tensors = [source, *extra, target]
    places = list(range(len(tensors) - 1))
    content = model(tensors, [operator(name, places, [len(places)], options, version)])
    with pytest.raises(BadInput, match=reason):
        program(read(content, "x.tflite"), "x.tflite")


def image(name, shape, dtype="int8", scale=0.1, point=0) -> Tensor:
    return edge(name, shape, dtype, scale, point)


def vector(name, dtype="int8", scale=0.1, point=0) -> Tensor:
    return edge(name, (1, 8), dtype, scale, point)


def test_a_type_that_no_kernel_has():
    for name in ("LOGISTIC", "TANH", "RELU", "HARD_SWISH", "ELU", "SOFTMAX", "MEAN"):
        refuse(name, vector("x", "uint8"), vector("y", "uint8"), "Input and output are")
    refuse("HARD_SWISH", vector("x", "int16"), vector("y", "int16"), "has no int16")
    refuse("RELU_N1_TO_1", vector("x", "int16"), vector("y", "int16"), "have no int16")


def test_missing_scales():
    refuse("RELU", Tensor("x", (1, 8), "int8"), vector("y"), "one scale each")
    refuse("MEAN", vector("x"), edge("y", (1, 8), "int8", 0.0), "one scale each")


def test_shapes_that_do_not_fit():
    source, larger = vector("x"), edge("y", (1, 9), "int8", 0.1)
    refuse("RELU", source, larger, "as many values")
    options = schema.ReducerOptionsT()
    axes = Tensor("axes", (1,), "int32", np.array([1], np.int32))
    refuse("MEAN", source, larger, "kept", options, axes)
    options = schema.Pool2DOptionsT()
    options.filterHeight, options.filterWidth, options.strideH, options.strideW = 2, 2, 1, 1
    refuse("MAX_POOL_2D", image("x", (1, 4, 4, 1)), image("y", (1, 5, 4, 1)), "SAME", options)


def test_output_scales_of_the_sigmoid():
    refuse("LOGISTIC", vector("x"), vector("y", scale=1 / 255), "1/256 for int8")
    refuse("LOGISTIC", vector("x", "int16"), vector("y", "int16", 1 / 32767), "1/32768 for int16")
    refuse("TANH", vector("x", "int16"), vector("y", "int16", 1 / 256), "1/32768")


def test_scales_whose_products_exceed_32_bits():
    good = 2**-15
    refuse("TANH", vector("x", "int16", 5.4), vector("y", "int16", good), "input scale of int16")
    refuse("RELU", vector("x", scale=1.0), vector("y", scale=2**-15), "less than 2.15 times")
    refuse("HARD_SWISH", vector("x", scale=1.0), vector("y", scale=1 / 129), "127 times")


def test_softmax():
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    refuse("SOFTMAX", vector("x"), vector("y", scale=0.1), "scaled by 1/256", options)
    target = vector("y", scale=1 / 256, point=-128)
    refuse("SOFTMAX", vector("x", scale=2**-27), target, "beta × input scale", options)
    wide, answer = vector("x", "int16", 5.0), vector("y", "int16", 2**-15)
    refuse("SOFTMAX", wide, answer, "beta × input scale", options)
    wide, answer = edge("x", (1, 4096), "int8", 0.1), edge("y", (1, 4096), "int8", 1 / 256, -128)
    refuse("SOFTMAX", wide, answer, "at most 4,095", options)


def test_negative_alpha_of_int16():
    options = schema.LeakyReluOptionsT()
    options.alpha = -0.5
    refuse("LEAKY_RELU", vector("x", "int16"), vector("y", "int16"), "not negative", options)


def test_mean():
    options = schema.ReducerOptionsT()
    axes = Tensor("axes", (1,), "int32", np.array([2], np.int32))
    refuse("MEAN", vector("x"), vector("y"), "input has them", options, axes)
    axes = Tensor("axes", (3,), "int32", np.array([0, 2, 4], np.int32))
    source, target = image("x", (2, 2, 2, 2, 2)), image("y", (2, 2))
    refuse("MEAN", source, target, "two groups", options, axes)


def test_resizing():
    options = schema.ResizeBilinearOptionsT()
    options.alignCorners = options.halfPixelCenters = True
    size = Tensor("size", (2,), "int32", np.array([4, 4], np.int32))
    source, target = image("x", (1, 2, 2, 1)), image("y", (1, 4, 4, 1))
    refuse("RESIZE_BILINEAR", source, target, "not both set", options, size)
    refuse("RESIZE_BILINEAR", source, image("y", (1, 4, 5, 1)), "new size", options, size)
    options = schema.ResizeBilinearOptionsT()
    size = Tensor("size", (2,), "int32", np.array([4, 3000], np.int32))
    source, target = image("x", (1, 2, 5, 1)), image("y", (1, 4, 3000, 1))
    refuse("RESIZE_BILINEAR", source, target, "steps of 1/1024", options, size)


def test_pooling():
    options = schema.Pool2DOptionsT()
    options.filterHeight, options.filterWidth, options.strideH, options.strideW = 2, 2, 1, 0
    refuse("MAX_POOL_2D", image("x", (1, 4, 4, 1)), image("y", (1, 4, 4, 1)), "strides", options)
    options.strideW, options.fusedActivationFunction = 1, 4
    refuse("MAX_POOL_2D", image("x", (1, 4, 4, 1)), image("y", (1, 4, 4, 1)), "RELU6", options)
