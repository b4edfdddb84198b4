"""The time of each operator, as the difference of two prefixes of the graph.

LiteRT's Python wheel has no operator profiler. Therefore the graph is cut after each operator, all
prefixes are opened in one process, and blocks of their calls are timed in rounds. The order is
shuffled each round, so that other processes disturb all prefixes alike.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from edgeae.artifacts.manifest import TensorSpec
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.formats.tflite import graph as tflite
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.cut import prefix
from edgeae.formats.tflite.graph import Graph
from edgeae.runtimes.protocol import Runtime, Session
from edgeae.timing.measurement import bound, time_in_rounds
from edgeae.timing.sample_statistics import median, median_interval

METHOD = (
    "prefixes of the graph, cut after each operator, timed in one process in {rounds} shuffled "
    "rounds of blocks of about 0.3 ms; a time is the median difference to the prefix before, for "
    "the first prefix to one operator that only copies input to output (fixed). The differences "
    "add up to the whole call; work that the engine fuses into an earlier or later operator "
    "counts there. Each difference includes the cost of reading a larger or smaller output"
)


def time_prefixes(
    runtime: Runtime, program: VerifiedArtifact, x: NDArray[Any], threads: int, seconds: float
) -> dict[str, Any]:
    """Time the operators of a `.tflite`; return rows, times and notes, times in ns per call.

    Args:
        runtime: a runtime that opens `.tflite`.
        program: the whole model.
        x: one input, shape (1, …).
        threads: threads of the engine.
        seconds: duration of the timing; opening takes a few seconds more.

    Raises:
        BadInput: the runtime refuses the whole model, or the model has no operators.
        NotMeasured: the runtime would leave the whole model to another engine, or the clock goes
            back.
    """
    graph = tflite.read(program.content, str(program.path))
    if not graph.operators:
        raise BadInput(f"{program.path}: has no operators")
    with ExitStack() as opened:
        fixed = opened.enter_context(closing(runtime.open_fixed(program.artifact, threads)))
        sessions, refused = _open_prefixes(runtime, program, graph, threads, opened)
        calls = [bound(fixed.run, x.reshape(1, -1))]
        calls += [bound(session.run, x) for session in sessions.values()]
        rounds = time_in_rounds(calls, seconds)
        notes = [f"operator {k}: {why}; the next row has its time" for k, why in refused.items()]
        notes += dict.fromkeys(s.note for s in sessions.values() if s.note)
    steps = dict(zip(sessions, differences(rounds), strict=True))
    return {
        "rows": [_row(graph, place, steps.get(place)) for place in range(len(graph.operators))],
        "whole_ns": median([row[-1] for row in rounds]),
        "fixed_ns": median([row[0] for row in rounds]),
        "rounds": len(rounds),
        "notes": notes,
    }


def time_whole(
    runtime: Runtime, program: VerifiedArtifact, x: NDArray[Any], threads: int, seconds: float
) -> dict[str, float]:
    """Time a whole call and its fixed cost; return both, in ns per call. See `time_prefixes`."""
    with ExitStack() as opened:
        fixed = opened.enter_context(closing(runtime.open_fixed(program.artifact, threads)))
        session = opened.enter_context(closing(runtime.open(program, threads)))
        flat = x.reshape(1, -1)
        calls = [bound(fixed.run, flat), bound(session.run, x)]
        rounds = time_in_rounds(calls, seconds)
    return {
        "whole_ns": median([row[-1] for row in rounds]),
        "fixed_ns": median([row[0] for row in rounds]),
    }


def _open_prefixes(
    runtime: Runtime, program: VerifiedArtifact, graph: Graph, threads: int, opened: ExitStack
) -> tuple[dict[int, Session], dict[int, str]]:
    """Open, for each operator, the prefix that ends with it.

    Returns:
        Index of the operator → session, and index → reason if its prefix cannot be opened.
    """
    sessions: dict[int, Session] = {}
    refused: dict[int, str] = {}
    for place in range(len(graph.operators)):
        whole = place == len(graph.operators) - 1
        try:
            part = program if whole else _prefix_program(program, graph, place + 1)
            sessions[place] = opened.enter_context(closing(runtime.open(part, threads)))
        except RuntimeUnavailable:
            raise
        except (BadInput, NotMeasured) as error:
            if whole:
                raise
            refused[place] = f"{graph.operators[place].name} cannot be cut off ({error})"
    return sessions, refused


def _prefix_program(program: VerifiedArtifact, graph: Graph, count: int) -> VerifiedArtifact:
    part = prefix(graph, count)
    name, index = next(iter(part.outputs.items()))
    edge = TensorSpec(name, part.tensors[index].shape, part.tensors[index].dtype)
    artifact = replace(program.artifact, outputs=(edge,))
    return VerifiedArtifact(artifact, tflite.write(part), program.path)


def _row(graph: Graph, place: int, step: tuple[float, float, float] | None) -> dict[str, Any]:
    operator = graph.operators[place]
    output = next((graph.tensors[index] for index in operator.outputs if index >= 0), None)
    middle, low, high = step or (None, None, None)
    return {
        "name": operator.name,
        "shape": output.shape if output else (),
        "macs": graph_statistics.operator_macs(graph, operator),
        "time_ns": middle,
        "low_ns": low,
        "high_ns": high,
    }


def differences(rounds: Sequence[Sequence[float]]) -> list[tuple[float, float, float]]:
    """Return, for each column but the first, the difference to the column before.

    Returns:
        (median, low, high) for each of these columns: the median of the differences within rounds,
        and its 95 % interval, in ns.
    """
    found = []
    for column in range(1, len(rounds[0])):
        steps = [row[column] - row[column - 1] for row in rounds]
        found.append((median(steps), *median_interval(steps)))
    return found
