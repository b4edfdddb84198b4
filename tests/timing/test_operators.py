import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from edgeae_cli import edgeae_here
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, NotMeasured
from edgeae.formats.opening import open_file
from edgeae.formats.tflite.cut import prefix, with_edges
from edgeae.formats.tflite.graph import Graph, Tensor, read, write
from edgeae.runtimes import load
from edgeae.timing import node_profile
from edgeae.timing.measurement import time_in_rounds
from edgeae.timing.operators import OperatorTime, Profile, choose_runtime, profile, render
from edgeae.timing.prefix_timing import differences, time_prefixes


def skip_graph() -> Graph:
    """x → a → b → a+b: cut after b, the prefix must give both a and b."""
    weights = np.eye(4, dtype=np.float32) * np.float32(3)
    tensors = [Tensor(name, (1, 4), "float32") for name in ("x", "a", "b", "y")]
    tensors.append(Tensor("w", (4, 4), "float32", weights))
    dense = [
        tiny.operator("FULLY_CONNECTED", 1, (source, 4, -1), (target,), "FullyConnectedOptions")
        for source, target in ((0, 1), (1, 2))
    ]
    added = tiny.operator("ADD", 1, (1, 2), (3,), "AddOptions")
    return Graph(tuple(tensors), (*dense, added), {"x": 0}, {"y": 3})


GRAPHS = {
    "float32": tiny.float_graph,
    "int8": tiny.int8_graph,
    "float edges": lambda: with_edges(tiny.int8_graph(), "float32"),
    "skip": skip_graph,
}


def run(content: bytes, x: np.ndarray, keep: bool = False) -> Interpreter:
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=keep,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter


@pytest.mark.parametrize("name", GRAPHS)
def test_a_prefix_computes_what_the_whole_computes_up_to_there(name):
    graph = GRAPHS[name]()
    source = graph.tensors[next(iter(graph.inputs.values()))]
    x = np.arange(np.prod(source.shape)).reshape(source.shape).astype(source.dtype)
    whole = run(write(graph), x, keep=True)
    for count in range(1, len(graph.operators) + 1):
        part = read(write(prefix(graph, count)), "prefix")
        assert part.operators == prefix(graph, count).operators
        assert [op.name for op in part.operators] == [op.name for op in graph.operators[:count]]
        cut = run(write(part), x)
        names = [name.removeprefix("prefix/") for name in part.outputs]
        assert int(names[0]) == graph.operators[count - 1].outputs[0]  # what a session reads
        details = cut.get_output_details()
        for place, original in enumerate(map(int, names)):
            found = cut.get_tensor(details[place]["index"])
            np.testing.assert_array_equal(found, whole.get_tensor(original))


def test_a_cut_through_a_skip_connection_has_two_outputs():
    assert list(prefix(skip_graph(), 2).outputs) == ["prefix/2", "prefix/1"]
    assert list(prefix(skip_graph(), 1).outputs) == ["prefix/1"]


def test_a_result_that_nobody_reads_is_still_computed():
    graph = skip_graph()
    unread = replace(graph, operators=graph.operators[:2], outputs={"a": 1})
    assert [len(prefix(unread, count).operators) for count in (1, 2)] == [1, 2]


@pytest.mark.parametrize("count", [0, 4, -1])
def test_a_prefix_that_does_not_exist_is_refused(count):
    with pytest.raises(BadInput, match="the graph has 3"):
        prefix(skip_graph(), count)


def test_an_operator_without_a_result_is_named():
    graph = skip_graph()
    mute = replace(graph.operators[1], outputs=())
    with pytest.raises(BadInput, match="operator 1, FULLY_CONNECTED, has no result"):
        prefix(replace(graph, operators=(graph.operators[0], mute)), 2)


class Costs:
    """Calls that move a clock of their own by a fixed cost each, and note their order."""

    def __init__(self, *costs_ns: int) -> None:
        self.now, self.order = 0, []
        self.calls = [lambda cost=cost: self._call(cost) for cost in costs_ns]

    def _call(self, cost: int) -> None:
        self.now += cost
        self.order.append(cost)

    def clock(self) -> int:
        return self.now


@given(st.lists(st.integers(100, 10**6), min_size=2, max_size=6))
def test_differences_are_the_costs_of_the_steps(costs):
    world = Costs(*costs)
    rounds = time_in_rounds(world.calls, 0.0, world.clock, [3] * len(costs))
    assert len(rounds) == 20 and all(row == costs for row in rounds)
    steps = differences(rounds)
    assert [step for step, _, _ in steps] == list(np.diff(costs))
    assert all(low == middle == high for middle, low, high in steps)


def test_every_round_has_every_call_and_its_order_is_shuffled():
    world = Costs(*range(1, 9))
    time_in_rounds(world.calls, 0.0, world.clock, [1] * 8)
    turns = [cost for cost, again in zip(world.order[::2], world.order[1::2], strict=True)]
    orders = [tuple(turns[start : start + 8]) for start in range(0, len(turns), 8)]
    assert all(sorted(order) == list(range(1, 9)) for order in orders)
    assert len(set(orders)) > 15


def test_a_neighbour_that_slows_whole_rounds_changes_no_difference():
    noise = random.Random(3)
    delays = [noise.choice([0, 0, 500, 90_000]) for _ in range(41)]
    rounds = [[1000 + delay, 1200 + delay, 1150 + delay] for delay in delays]
    assert [step for step, _, _ in differences(rounds)] == [200, -50]


def test_rounds_go_on_until_time_is_up():
    world = Costs(1_000_000, 2_000_000)
    rounds = time_in_rounds(world.calls, 1.0, world.clock, [1, 1])
    assert 0.9e9 <= world.now <= 1.1e9 and len(rounds) > 100


def test_rounds_on_a_clock_that_goes_back_are_no_times():
    world = Costs(1_000_000, -5_000)
    with pytest.raises(NotMeasured, match=r"the clock went back by 0\.005 ms"):
        time_in_rounds(world.calls, 1.0, world.clock, [1, 1])


class Picky:
    """A runtime that takes no model with fewer than three operators."""

    def __init__(self, error: type[Exception]) -> None:
        self._inner, self._error = load("litert-reference"), error

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1):
        if len(read(program.content, "x").operators) < 3:
            raise self._error("XNNPACK took none")
        return self._inner.open(program, threads, batch)

    def open_fixed(self, artifact, threads: int, batch: int = 1):
        return self._inner.open_fixed(artifact, threads, batch)


@pytest.mark.parametrize("error", [NotMeasured, BadInput])
def test_an_operator_that_cannot_be_cut_off_is_named_and_counts_with_the_next(error):
    x = np.zeros((1, 16), np.int8)
    found = time_prefixes(Picky(error), tiny.program(), x, 1, 0.01)
    assert [row["time_ns"] is None for row in found["rows"]] == [True, True, False]
    assert [note.split(":")[0] for note in found["notes"]] == ["operator 0", "operator 1"]
    assert "FULLY_CONNECTED cannot be cut off (XNNPACK took none)" in found["notes"][0]


def test_a_runtime_that_refuses_the_whole_model_says_so():
    small = tiny.program("encoder")
    with pytest.raises(NotMeasured, match="took none"):
        time_prefixes(Picky(NotMeasured), small, np.zeros((1, 16), np.int8), 1, 0.01)


@pytest.fixture
def artifact(tmp_path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(write(tiny.int8_graph()))
    return path


def lopsided(path: Path) -> Path:
    """16 → 8 → 8 → 2048 → 16 → 16 in float: the two in the middle are most of the work."""
    widths = [16, 8, 8, 2048, 16, 16]
    tensors = [Tensor(f"t{place}", (1, width), "float32") for place, width in enumerate(widths)]
    operators = []
    for target in range(1, len(widths)):
        shape = (widths[target], widths[target - 1])
        tensors.append(Tensor(f"w{target}", shape, "float32", np.ones(shape, np.float32)))
        operator = (target - 1, len(tensors) - 1, -1), (target,)
        operators.append(tiny.operator("FULLY_CONNECTED", 1, *operator, "FullyConnectedOptions"))
    graph = Graph(tuple(tensors), tuple(operators), {"t0": 0}, {"t5": 5})
    path.write_bytes(write(graph))
    return path


def test_the_operators_that_work_take_the_time(tmp_path):
    found = profile(lopsided(tmp_path / "a.tflite"), "litert-reference", 1, 0.2)
    shares = found.shares
    assert sorted(range(5), key=lambda place: shares[place])[-2:] in ([2, 3], [3, 2])
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("runtime", ["litert-xnnpack", "litert-builtin", "litert-reference"])
def test_a_tflite_has_a_row_for_each_operator(runtime, artifact):
    found = profile(artifact, runtime, 1, 0.05)
    rows = [(row.name, row.shape, row.macs) for row in found.operators]
    assert rows == [
        ("FULLY_CONNECTED", (1, 8), 128),
        ("FULLY_CONNECTED", (1, 4), 32),
        ("FULLY_CONNECTED", (1, 16), 64),
    ]
    assert found.runtime == runtime and found.rounds >= 20
    assert found.fixed_ns > 0 and found.whole_ns > 0 and found.floor_ns == 0
    assert all(row.low_ns <= row.time_ns <= row.high_ns for row in found.operators)
    assert f"{found.rounds:,} shuffled rounds" in found.method


def onnx_file(path: Path, nameless: bool = False) -> Path:
    """The tiny model in ONNX; with `nameless`, its nodes have no names and one is repeated."""
    matrix = numpy_helper.from_array(np.ones((16, 16), np.float32), "w")
    names = ["", ""] if nameless else ["same", "same"]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name=names[0]),
        helper.make_node("MatMul", ["h", "w"], ["y"], name=names[1]),
    ]
    edges = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 16]) for n in "xy"]
    graph = helper.make_graph(nodes, "g", edges[:1], edges[1:], [matrix])
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


def test_an_onnx_file_has_a_row_for_each_node_that_onnxruntime_ran(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny.onnx_model())
    found = profile(path, None, 1, 0.1)
    assert found.runtime == "onnxruntime-cpu"
    assert [row.shape for row in found.operators] == [(1, 8), (1, 4), (1, 16)]
    assert [row.macs for row in found.operators] == [128, 32, 64]
    # Gemm and Relu became one; a later version may fuse otherwise, and is then told here
    assert [row.name for row in found.operators] == ["FusedGemm", "Gemm", "Gemm"]
    assert found.floor_ns >= 0 and found.whole_ns > 0 and not found.notes


@pytest.mark.parametrize("nameless", [True, False])
def test_nodes_with_no_name_or_the_same_name_are_told_apart(nameless, tmp_path):
    program = open_file(onnx_file(tmp_path / "m.onnx", nameless))
    found = node_profile.time_nodes(program, np.ones((1, 16), np.float32), 1, 0.02)
    assert [row["macs"] for row in found["rows"]] == [256, 256]


def event(name: str, dur: int, index: int = 0, **about: object) -> dict:
    shape = [{"float": [1, 8]}]
    args = {"op_name": "Gemm", "node_index": str(index), "output_type_shape": shape, **about}
    return {"cat": "Node", "name": name, "dur": dur, "args": args}


def test_a_profile_is_read_in_the_order_of_its_nodes_without_the_first_runs():
    session = {"cat": "Session", "name": "model_run", "dur": 999, "args": {}}
    fence = event("edgeae_0_fence_before", 50)
    events = [session]
    for run_us in (1000, 4, 6):
        events += [fence, event("fused edgeae_1/x_kernel_time", run_us, 1), session]
        events += [event("edgeae_0_kernel_time", 2 * run_us, 0, op_name="Relu")]
    first, second = node_profile.read_profile(json.dumps(events), skip=1)
    assert (first.kind, first.shape, first.sources) == ("Gemm", (1, 8), [1])
    assert (first.times_us, first.time_ns) == ([4, 6], 5000)
    assert (second.kind, second.sources, second.time_ns) == ("Relu", [0], 10_000)


def test_a_time_between_two_whole_microseconds_is_resolved_and_outliers_are_not_in_it():
    times = [3] * 65 + [4] * 25 + [9000] * 10
    events = [event("edgeae_0_kernel_time", time) for time in times]
    (node,) = node_profile.read_profile(json.dumps(events))
    assert node.time_ns == pytest.approx(1000 * (3 * 55 + 4 * 25) / 80)


def test_a_profile_without_output_shapes_is_read():
    (node,) = node_profile.read_profile(
        json.dumps([event("edgeae_0_kernel_time", 3, output_type_shape=[])])
    )
    assert node.shape == ()


FOUND = Profile(
    path="a.tflite",
    runtime="litert-xnnpack",
    runtime_version="2.3.0",
    device="cpu",
    threads=1,
    operators=(
        OperatorTime("FULLY_CONNECTED", (1, 128), 100_352, 3000.0, 2990.0, 3020.0),
        OperatorTime("RELU", (1, 128), 0, -12.0, -30.0, 5.0),
        OperatorTime("SOFTMAX", (), 0, None),
        OperatorTime("LOGISTIC", (1, 784), 0, 1000.0, 900.0, 1100.0),
    ),
    whole_ns=4988.0,
    fixed_ns=1000.0,
    floor_ns=0.0,
    rounds=100,
    method="so",
    notes=("operator 2: SOFTMAX cannot be cut off",),
)


def test_a_negative_difference_is_about_nothing_and_said():
    lines = render(FOUND).splitlines()
    cells = [" ".join(line.split()) for line in lines]
    assert cells[2:5] == [
        "0 FULLY_CONNECTED 1×128 100,352 3.00 µs 15.0 ns 75.0%",
        "1 RELU 1×128 0 ~0 17.5 ns 0.0%",
        "2 SOFTMAX scalar 0 –",
    ]
    assert "note: operator 1: RELU measured -12 ns" in render(FOUND)
    assert "note: operator 2: SOFTMAX cannot be cut off" in lines
    total = "operators 3.99 µs + fixed 1.00 µs = 4.99 µs; a whole call takes 4.99 µs"
    assert f"total: {total}" in lines
    assert lines[-1] == "method: so"


def test_json_keeps_the_negative_figure():
    table = json.loads(json.dumps(FOUND.to_json(), allow_nan=False))
    assert [row["time_ns"] for row in table["operators"]] == [3000.0, -12.0, None, 1000.0]
    assert [row["share"] for row in table["operators"]] == [0.75, 0.0, None, 0.25]
    assert table["sum_ns"] == 3988.0


def test_shares_are_of_the_time_above_the_floor():
    floored = replace(FOUND, floor_ns=500.0)
    assert floored.shares == [2500 / 3000, 0.0, None, 500 / 3000]
    assert "in the profile" in render(floored)
    nothing = replace(FOUND, floor_ns=1e9)
    assert nothing.shares == [None] * 4


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        ("onnxruntime-cpu", "it does not open .tflite"),
        ("null", "it has no operators"),
        ("litert-xnpack", "did you mean 'litert-xnnpack'"),
    ],
)
def test_a_runtime_that_does_not_fit_is_refused(runtime, reason, artifact):
    with pytest.raises(BadInput, match=reason):
        choose_runtime(artifact, runtime)


def test_the_command_line(artifact, tmp_path):
    done = edgeae_here("profile", "model.tflite", "--seconds", "0.05", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("model.tflite on litert-xnnpack ")
    assert "total: operators " in done.stdout and "method: prefixes of the graph" in done.stdout
    done = edgeae_here("profile", "model.tflite", "--seconds", "0.05", "--json", cwd=tmp_path)
    assert len(json.loads(done.stdout)["operators"]) == 3


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["none.tflite"], "edgeae: none.tflite: no such file"),
        (["notes.txt"], "edgeae: notes.txt: neither a .tflite nor an .onnx file, by its content"),
        (["cut.tflite"], "edgeae: cut.tflite: a damaged or truncated TFLite model"),
        (["model.tflite", "b"], "edgeae: 'b': one artifact at a time"),
    ],
)
def test_what_is_no_artifact_is_refused_in_one_line(words, line, artifact, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "cut.tflite").write_bytes(artifact.read_bytes()[:300])
    done = edgeae_here("profile", *words, "--seconds", "0.05", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(line) and done.stderr.count("\n") == 1
