"""A fence at the code: taken out again, and refused where it is none."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite.barrier import FENCE, without_barrier
from edgeae.formats.tflite.cut import cut
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, write


def fenced(graph: Graph, order: np.ndarray, **changes: object) -> tuple[Graph, int]:
    """Put a GATHER between the tiny model's code and what reads it."""
    (source,) = (at for at, tensor in enumerate(graph.tensors) if tensor.name == "code")
    copy, places = len(graph.tensors), len(graph.tensors) + 1
    options = schema.OperatorT()
    options.builtinOptionsType = schema.BuiltinOptions.GatherOptions
    options.builtinOptions = schema.GatherOptionsT()
    options.builtinOptions.axis = 1
    readers = tuple(
        replace(item, inputs=tuple(copy if at == source else at for at in item.inputs))
        for item in graph.operators
    )
    producer = max(at for at, item in enumerate(readers) if source in item.outputs) + 1
    gather = Operator(FENCE, 2, (source, places), (copy,), options)
    tensors = (
        *graph.tensors,
        replace(graph.tensors[source], name="copy", **changes),
        Tensor("order", order.shape, "int32", order.astype(np.int32)),
    )
    operators = (*readers[:producer], gather, *readers[producer:])
    outputs = {"code": source, **graph.outputs}
    return replace(graph, tensors=tensors, operators=operators, outputs=outputs), source


def run(graph: Graph, inputs: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(
        model_content=write(graph), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    (edge,) = interpreter.get_input_details()
    found = []
    for row in inputs:
        interpreter.set_tensor(edge["index"], row[None])
        interpreter.invoke()
        outputs = {
            item["name"]: interpreter.get_tensor(item["index"])[0]
            for item in interpreter.get_output_details()
        }
        found.append(np.concatenate([outputs[name] for name in sorted(outputs)]))
    return np.array(found)


@pytest.mark.parametrize("make", [tiny.int8_graph, tiny.float_graph])
def test_without_its_fence_a_graph_answers_the_same_and_can_be_cut(make):
    graph, source = fenced(make(), np.arange(tiny.CODE))
    open_ = without_barrier(graph, source)
    assert FENCE not in [item.name for item in open_.operators]
    draw = np.random.default_rng(0)
    kind = graph.tensors[graph.inputs["image"]].dtype
    images = (draw.random((50, tiny.PIXELS)) * 100).astype(kind)
    assert np.array_equal(run(graph, images), run(open_, images))
    decoder = cut(open_, {"code": source}, {"reconstruction": open_.outputs["reconstruction"]})
    assert len(decoder.operators) == 1


def test_a_gather_that_changes_the_order_is_no_fence(int8_graph):
    graph, source = fenced(int8_graph, np.arange(tiny.CODE)[::-1])
    with pytest.raises(OutOfTolerance, match="0 barriers"):
        without_barrier(graph, source)


def test_a_fence_with_other_steps_behind_it_is_refused(int8_graph):
    graph, source = fenced(int8_graph, np.arange(tiny.CODE), zero_points=(31,))
    with pytest.raises(OutOfTolerance, match="before the barrier"):
        without_barrier(graph, source)
