"""What edgeae reports against loops written by hand, in the same process.

Run by `make timing`: its limits hold on a machine that does little else. Edgeae's blocks and
the loops alternate, so that what disturbs one disturbs the other.
"""

import functools
import importlib
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_models
import onnxruntime as ort
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from edgeae_cli import ROOT

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.formats import describe, passthrough
from edgeae.gate.synthetic import dense
from edgeae.runtimes import load
from edgeae.timing.measurement import StoppingRule, bound, measure, time_block
from edgeae.timing.worker import seeded_inputs

pytestmark = pytest.mark.timing

CALLS, CHUNKS = 1_000_000, 50
#: The `deep` int8 encoder, where it was exported; else one of its shape.
BUILT = ROOT / "build/deep/int8/encoder.tflite"
WIDTHS = (784, 128, 64, 32)


def by_hand(call: Callable[[], object], calls: int) -> float:
    """Nanoseconds per call."""
    started = time.perf_counter()
    for _ in itertools.repeat(None, calls):
        call()
    return (time.perf_counter() - started) / calls * 1e9


def invoke_of(content: bytes, x: np.ndarray) -> Callable[[], object]:
    """LiteRT's own `invoke`, without copies in or out."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    return interpreter.invoke


@pytest.fixture(scope="module")
def timed() -> dict[str, float]:
    content = BUILT.read_bytes() if BUILT.exists() else dense(WIDTHS)
    artifact = describe.bare(content, "tflite", "dense.tflite")
    runtime = load("litert-xnnpack")
    session = runtime.open(VerifiedArtifact(artifact, content, Path("dense.tflite")), threads=1)
    fixed = runtime.open_fixed(artifact, threads=1)
    x = np.ascontiguousarray(seeded_inputs(artifact, 1))
    invoke = invoke_of(content, x)
    invoke_fixed = invoke_of(passthrough.tflite(artifact.input, artifact.output), x)
    patience = StoppingRule(max_ns=100_000_000, warm_up_ns=50_000_000)
    found: dict[str, list[float]] = {
        name: [] for name in ("p50", "fixed", "run", "invoke", "invoke_fixed")
    }
    for _ in range(CHUNKS):
        measured = measure(bound(session.run, x), patience, fixed=bound(fixed.run, x))
        assert measured.fixed_block
        found["p50"].append(statistics.median(measured.samples_ns) / measured.block)
        found["fixed"].append(statistics.median(measured.fixed_samples_ns) / measured.fixed_block)
        run = session.run
        started = time.perf_counter()
        for _ in range(CALLS // CHUNKS):
            run(x)
        found["run"].append((time.perf_counter() - started) / (CALLS // CHUNKS) * 1e9)
        found["invoke"].append(by_hand(invoke, CALLS // CHUNKS))
        found["invoke_fixed"].append(by_hand(invoke_fixed, CALLS // CHUNKS))
    return {name: statistics.median(values) for name, values in found.items()}


def test_p50_is_that_of_a_loop_of_a_million_calls(timed: dict[str, float]) -> None:
    assert timed["p50"] == pytest.approx(timed["run"], rel=0.03)


def test_the_part_above_the_fixed_cost_is_the_difference_of_invoke(
    timed: dict[str, float],
) -> None:
    above = timed["p50"] - timed["fixed"]
    assert above == pytest.approx(timed["invoke"] - timed["invoke_fixed"], rel=0.10)


# --- what Session.run adds to the engine's own calls ---

#: A loop of so many calls, by hand; its nanoseconds.
Loop = Callable[[int], int]
QUADS, BLOCK_NS = 2_000, 300_000
RESOLVERS = {
    "litert-xnnpack": OpResolverType.AUTO,
    "litert-builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "litert-reference": OpResolverType.BUILTIN_REF,
}


def litert(name: str) -> tuple[Callable[[], object], Loop]:
    content = dense(WIDTHS)
    artifact = describe.bare(content, "tflite", "dense.tflite")
    program = VerifiedArtifact(artifact, content, Path("dense.tflite"))
    session = load(name).open(program, threads=1)
    x = np.ascontiguousarray(seeded_inputs(artifact, 1))
    interpreter = Interpreter(
        model_content=content, num_threads=1, experimental_op_resolver_type=RESOLVERS[name]
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    set_tensor, invoke, get_tensor = (
        interpreter.set_tensor,
        interpreter.invoke,
        interpreter.get_tensor,
    )

    def loop(calls: int) -> int:
        set_, call, get, i, o, value = set_tensor, invoke, get_tensor, source, target, x
        turns = itertools.repeat(None, calls)
        started = time.perf_counter_ns()
        for _ in turns:
            set_(i, value)
            call()
            get(o)
        return time.perf_counter_ns() - started

    return bound(session.run, x), loop


def one_thread() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


def onnx_runtime(name: str) -> tuple[Callable[[], object], Loop]:
    random = np.random.default_rng(0)
    layers = [
        (random.normal(0, 0.05, (width, before)).astype(np.float32), np.zeros(width, np.float32))
        for before, width in itertools.pairwise(WIDTHS)
    ]
    content = onnx_models.dense("image", layers, "code").SerializeToString()
    artifact = describe.bare(content, "onnx", "dense.onnx")
    session = load(name).open(VerifiedArtifact(artifact, content, Path("dense.onnx")), threads=1)
    x = np.ascontiguousarray(seeded_inputs(artifact, 1))
    bare = ort.InferenceSession(content, one_thread(), providers=["CPUExecutionProvider"])
    names, feed = [bare.get_outputs()[0].name], {bare.get_inputs()[0].name: x}
    answer = bare.run

    def loop(calls: int) -> int:
        run, outputs, inputs = answer, names, feed
        turns = itertools.repeat(None, calls)
        started = time.perf_counter_ns()
        for _ in turns:
            run(outputs, inputs)
        return time.perf_counter_ns() - started

    return bound(session.run, x), loop


def tensorflow(name: str) -> tuple[Callable[[], object], Loop]:
    tf, engine = importlib.import_module("edgeae.originals.legacy_keras").tf, load(name)
    random = np.random.default_rng(0)
    kernels = [
        tf.constant(random.normal(0, 0.05, shape), tf.float32)
        for shape in itertools.pairwise(WIDTHS)
    ]

    def answer(x: object) -> object:
        return functools.reduce(lambda value, kernel: tf.nn.relu(value @ kernel), kernels, x)

    session = engine._session((WIDTHS[0],), answer)
    x = random.random((1, WIDTHS[0])).astype(np.float32)
    function = session._function

    def loop(calls: int) -> int:
        run, constant, value = function, tf.constant, x
        turns = itertools.repeat(None, calls)
        started = time.perf_counter_ns()
        for _ in turns:
            run(constant(value)).numpy()
        return time.perf_counter_ns() - started

    return bound(session.run, x), loop


ENGINES = {
    "litert-xnnpack": litert,
    "litert-builtin": litert,
    "litert-reference": litert,
    "onnxruntime-cpu": onnx_runtime,
    "tensorflow-cpu": tensorflow,
}


@pytest.mark.parametrize("name", ENGINES)
def test_a_session_adds_two_percent_at_most(name: str) -> None:
    call, loop = ENGINES[name](name)
    loop(200)
    calls = max(1, round(BLOCK_NS / (loop(200) / 200)))
    # a block between two by hand: a drift cancels
    quads = min(QUADS, 20_000_000_000 // (3 * BLOCK_NS))
    ratios = [2 * time_block(call, calls) / (loop(calls) + loop(calls)) for _ in range(quads)]
    assert statistics.median(ratios) <= 1.02
