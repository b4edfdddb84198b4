import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from edgeae.formats.inspection import inspect
from edgeae.formats.tflite.arena import MICRO_ALIGNMENT, arena_bytes, places
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, write


def graph(
    sizes: dict[str, int], operators: list[tuple[str, str]], inputs: str, outputs: str
) -> Graph:
    """A graph of int8 tensors `a`, `b`… with so many bytes; operators as ("ab", "c")."""
    names = list(sizes)
    tensors = tuple(Tensor(name, (1, size), "int8") for name, size in sizes.items())

    def indices(letters: str) -> tuple[int, ...]:
        return tuple(names.index(letter) for letter in letters)

    return Graph(
        tensors,
        tuple(Operator("X", 1, indices(i), indices(o), schema.OperatorT()) for i, o in operators),
        dict(zip(inputs, indices(inputs), strict=True)),
        dict(zip(outputs, indices(outputs), strict=True)),
    )


CHAIN = [("a", "b"), ("b", "c"), ("c", "d")]


def test_a_chain_by_hand():
    # a lives to the end at 0; d and b by size behind it; c where b and d are in the way
    chain = graph({"a": 100, "b": 40, "c": 8, "d": 100}, CHAIN, "a", "d")
    found = {chain.tensors[index].name: place[:2] for index, place in places(chain).items()}
    assert found == {"a": (0, 100), "d": (128, 100), "b": (128, 40), "c": (256, 8)}
    assert arena_bytes(chain) == 256 + 8
    # at 16: d and b share 112; d ends at 212, so c goes to 224
    assert arena_bytes(chain, MICRO_ALIGNMENT) == 224 + 8


def test_the_smallest_gap_that_fits_is_taken_and_not_the_first():
    sizes = {"a": 64, "b": 128, "c": 128, "d": 192, "e": 320, "f": 256}
    steps = [("a", "b"), ("a", "c"), ("c", "d"), ("b", "e"), ("e", "f")]
    found = places(graph(sizes, steps, "a", "f"))
    # with c live a at 0 to 64, b at 384 to 512 and d from 640: c fits at 64 and, tighter, at 512
    assert [found[index].offset for index in (0, 1, 3)] == [0, 384, 640]
    assert found[2].offset == 512


def test_a_tensor_that_two_operators_read_lives_until_the_second():
    steps = [("a", "b"), ("b", "c"), ("c", "d"), ("db", "e")]
    found = places(graph(dict.fromkeys("abcde", 64), steps, "a", "e"))
    assert [(place.first, place.last) for place in found.values()][:1] == [(0, 4)]
    assert (found[1].first, found[1].last) == (0, 3)
    assert (found[2].first, found[2].last) == (1, 2)


def test_constants_absent_inputs_and_empty_tensors_take_no_room():
    some = graph({"a": 64, "b": 64, "c": 0}, [("a", "b"), ("b", "c")], "a", "b")
    constant = Tensor("w", (1, 4096), "int8", np.zeros((1, 4096), np.int8))
    reads = Operator("X", 1, (0, 3, -1), (1,), schema.OperatorT())
    made = Graph((*some.tensors, constant), (reads,), some.inputs, some.outputs)
    assert arena_bytes(some) == arena_bytes(made) == 128


def test_a_graph_without_operators_holds_its_edges():
    assert arena_bytes(graph({"a": 10}, [], "a", "a")) == 10
    assert arena_bytes(Graph((), (), {}, {})) == 0


def test_wider_element_types_take_more():
    for dtype, wanted in (("int8", 10), ("float16", 20), ("float32", 40), ("int64", 80)):
        one = Graph((Tensor("a", (2, 5), dtype),), (), {"a": 0}, {"a": 0})
        assert arena_bytes(one) == wanted


@st.composite
def graphs(draw) -> Graph:
    """Dense layers that each read any earlier activation; some results are never read."""
    widths = draw(st.lists(st.integers(1, 90), min_size=2, max_size=9))
    tensors = [Tensor(f"t{place}", (1, width), "float32") for place, width in enumerate(widths)]
    count, operators = len(widths), []
    for target in range(1, count):
        source = draw(st.integers(0, target - 1))
        shape = (widths[target], widths[source])
        tensors.append(Tensor(f"w{target}", shape, "float32", np.zeros(shape, np.float32)))
        operators.append(
            tiny.operator(
                "FULLY_CONNECTED",
                1,
                (source, len(tensors) - 1, -1),
                (target,),
                "FullyConnectedOptions",
            )
        )
    outputs = draw(st.sets(st.integers(1, count - 1), min_size=1)) | {count - 1}
    edges = {tensors[index].name: index for index in sorted(outputs)}
    return Graph(tuple(tensors), tuple(operators), {"t0": 0}, edges)


def assert_no_overlap(found: dict) -> None:
    every = list(found.values())
    for one in every:
        for other in every:
            if one is not other and one.first <= other.last and other.first <= one.last:
                apart = (
                    one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
                )
                assert apart, (one, other)


@given(graphs(), st.sampled_from([1, 4, 16, 64]))
def test_what_lives_together_does_not_overlap_and_starts_aligned(some, alignment):
    found = places(some, alignment)
    assert_no_overlap(found)
    assert all(place.offset % alignment == 0 for place in found.values())
    assert set(found) == {i for i, tensor in enumerate(some.tensors) if tensor.data is None}
    for operator, step in zip(some.operators, range(len(some.operators)), strict=True):
        for index in (*operator.inputs, *operator.outputs):
            if index in found:
                assert found[index].first <= step <= found[index].last


@given(graphs(), st.sampled_from([1, 16, 64]))
def test_the_arena_holds_what_lives_at_any_moment_and_no_more_than_everything(some, alignment):
    found = places(some, alignment)
    alive = [
        sum(place.size for place in found.values() if place.first <= step <= place.last)
        for step in range(len(some.operators) + 1)
    ]
    padded = sum(place.size + alignment for place in found.values())
    assert max(alive) <= arena_bytes(some, alignment) <= padded
    assert arena_bytes(some, alignment) == arena_bytes(some, alignment)


def litert_offsets(content: bytes, indices: list[int]) -> dict[int, int]:
    """Where LiteRT itself put the tensors, from the first of them."""
    builtin = tiny.RESOLVERS["litert-builtin"]
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=builtin)
    interpreter.allocate_tensors()
    found = {index: interpreter.tensor(index)().__array_interface__["data"][0] for index in indices}
    return {index: address - min(found.values()) for index, address in found.items()}


@given(graphs())
def test_litert_puts_every_tensor_where_the_plan_says(some):
    found = places(some)
    assert litert_offsets(write(some), list(found)) == {
        index: place.offset for index, place in found.items()
    }


@pytest.mark.parametrize("make", [tiny.int8_graph, tiny.float_graph])
def test_litert_agrees_on_a_whole_model(make):
    content, found = write(make()), places(make())
    offsets = litert_offsets(content, list(found))
    assert {index: place.offset for index, place in found.items()} == offsets
    sizes = {index: place.size for index, place in found.items()}
    assert arena_bytes(make()) == max(offsets[index] + sizes[index] for index in offsets)


def test_inspect_shows_it(tmp_path: Path):
    path = tmp_path / "a.tflite"
    path.write_bytes(write(tiny.int8_graph()))
    found = inspect(path)
    assert found.arena_bytes == arena_bytes(tiny.int8_graph()) > 0
    assert json.loads(json.dumps(found.to_json()))["arena_bytes"] == found.arena_bytes
    assert f"arena {found.arena_bytes} B" in " ".join(found.to_text().split())
    path.write_bytes(tiny.onnx_model())
    assert inspect(path).arena_bytes is None
    assert "arena" not in inspect(path).to_text().replace(str(path), "")
