import numpy as np

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias
from edgeae.codegen.strided import Axis, Region, copy, merged, strides
from edgeae.formats.tflite.graph import Graph, Tensor


def test_strides_of_an_array_without_gaps():
    for shape in ((), (3,), (2, 3, 4, 5)):
        width = np.zeros(shape, np.int8).strides
        assert strides(shape) == width


def test_loops_that_continue_each_other_are_merged():
    shape = (2, 3, 4)
    axes = [Axis(*item) for item in zip(shape, strides(shape), strides(shape), strict=True)]
    assert merged(axes) == [Axis(24, 1, 1)]
    assert merged([Axis(1, 9, 9), Axis(5, 2, 1), Axis(1, 0, 0)]) == [Axis(5, 2, 1)]
    apart = [Axis(2, 20, 12), Axis(3, 4, 4)]
    assert merged(apart) == apart


def _copied(shape, target, region):
    tensors = (Tensor("x", shape, "int16"), Tensor("y", target, "int16"))
    operation = Operation(Graph(tensors, (), {}, {}), 0, "PAD", (0,), (1,), {})
    return copy(operation, 0, 1, region)


def test_what_moves_nothing_is_an_alias():
    region = Region((1, 3, 1), (3, 1, 1), (3, 3, 1))
    assert isinstance(_copied((1, 3, 1), (1, 1, 3), region._replace(write=(3, 1, 3))), Alias)


def test_the_longest_loop_is_the_innermost_one():
    step = _copied((50, 3), (3, 50), Region((3, 50), (1, 3), (50, 1)))
    assert (step.members["count"], step.members["rows"], step.members["size"]) == (50, 3, 2)
    step = _copied((3, 50), (50, 3), Region((50, 3), (1, 50), (3, 1)))
    assert (step.members["count"], step.members["rows"], step.members["size"]) == (50, 3, 2)


def test_a_run_of_bytes_is_copied_at_once():
    region = Region((4, 3), (3, 1), (5, 1), 0, 2)
    step = _copied((4, 3), (4, 5), region)
    assert (step.members["count"], step.members["size"]) == (4, 6)
    assert (step.members["output_start"], step.members["output_step"]) == (4, 10)
