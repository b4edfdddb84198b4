"""Child process: lets a board count an artifact's calls, only if its answers are right."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import holding
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import NotMeasured
from edgeae.runtimes import load
from edgeae.runtimes.c_serial import BoardSession
from edgeae.runtimes.serial_line import line_of
from edgeae.runtimes.serial_protocol import EMULATED, NONE, Hello
from edgeae.system import children
from edgeae.timing.sample_statistics import median
from edgeae.timing.worker import (
    check_answers,
    check_is_of,
    checked_finite,
    golden_inputs,
    program_of,
    seeded_inputs,
)

#: Golden inputs that a board runs: they begin with one image of each label.
_INPUTS = 16
#: Counts that are taken, if the time is enough.
_COUNTS = 48
#: Fewest ticks of a count: below, calls are counted together.
_TICKS = 1000
_MOST_REPEATS = 1 << 16
#: The board's clock and this machine's are compared over so many seconds, and may differ by so much
#: of them, and by so many seconds of jitter of the line; in one of so many comparisons.
_COMPARED_S, _DIFFERENCE, _JITTER_S, _COMPARISONS = 0.3, 0.1, 0.05, 3


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the artifact on a board, check its answers, and yield the measured part of a results row.

    Args:
        job: `root`, `part`, `format`, `golden`, `artifact`, `runtime`, `patience` (the stopping
            rule), see `edgeae.timing.worker.work`; and `line`.

    Raises:
        BadInput, RuntimeUnavailable, RuntimeCrashed: see `Connection`.
        ManifestMismatch: the board runs another model, or the bytes are not those of the manifest.
        NotMeasured: the board has no such part or no counter, or its clock is wrong.
        OutOfTolerance: an answer differs from the golden one, or is NaN or infinite.
    """
    runtime = load(job["runtime"], line_of(job))
    version, device, program = runtime.version(), runtime.device(), program_of(job)
    session: Any = runtime.open(program, threads=1)
    inputs, outputs = _answered(session, program, job)
    _check(outputs, program, job)
    hello = session.hello
    if hello.tick == NONE:
        raise NotMeasured(f"the board {hello.board} has no counter: its tick_kind is 0")
    block, ticks = _counted(session, inputs, job["patience"]["max_ns"] / 1e9)
    if hello.tick != EMULATED:
        _check_clock(session, inputs[0])
    yield {
        **{"runtime_version": version, "device": device.name, "software": device.software},
        **{"ticks": ticks, "block": block, "tick": hello.tick, "tick_hz": hello.tick_hz},
    }


def _answered(
    session: BoardSession, program: VerifiedArtifact, job: dict[str, Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the inputs (n, …) of the counts, and the board's outputs (n, …)."""
    if job["golden"] is None:
        inputs = seeded_inputs(program.artifact, _INPUTS)
    else:
        with holding(Path(job["golden"])) as golden:
            inputs = golden_inputs(program, golden)[:_INPUTS]
    return inputs, session.run(inputs)


def _check(outputs: NDArray[Any], program: VerifiedArtifact, job: dict[str, Any]) -> None:
    if job["golden"] is None:
        checked_finite(outputs, program)
        return
    with holding(Path(job["golden"])) as golden:
        check_is_of(program, golden)
        check_answers(outputs, len(outputs), program, golden, job["runtime"])


def _counted(
    session: BoardSession, inputs: NDArray[Any], seconds: float
) -> tuple[int, Sequence[int]]:
    """Return (calls of a count, ticks of each count): each input once, more if time is left."""
    first = [session.count(example, 1)[1].ticks for example in inputs]
    block = int(np.clip(-(-_TICKS // max(1, round(median(first)))), 1, _MOST_REPEATS))
    ticks = first if block == 1 else []
    deadline = time.monotonic() + seconds
    while len(ticks) < len(inputs) or (len(ticks) < _COUNTS and time.monotonic() < deadline):
        ticks.append(session.count(inputs[len(ticks) % len(inputs)], block)[1].ticks)
    return block, ticks


def _check_clock(session: BoardSession, example: NDArray[Any]) -> None:
    """Compare the board's clock with this machine's, which tells a counter that wrapped as well.

    Calls so short that even the most repeats are over at once are not compared: reading the counter
    takes longer than they do.

    Args:
        session: the part on the board.
        example: an input.

    Raises:
        NotMeasured: they differ.
    """
    moved_s = min(session.count(example, 0)[1].seconds for _ in range(3))
    repeats, passed_s = 1, 0.0
    while passed_s < _COMPARED_S:
        if repeats > _MOST_REPEATS:
            return
        passed_s = session.count(example, repeats)[1].seconds - moved_s
        repeats *= 4
    # this machine may be late to notice an answer, so that one of several has to agree
    runs = [session.count(example, repeats // 4)[1] for _ in range(_COMPARISONS)]
    passed_s = min(run.seconds for run in runs) - moved_s
    hz = max(session.hello.tick_hz, 1)
    apart = [run.ticks / hz - (run.seconds - moved_s) for run in runs]
    if min(map(abs, apart)) > _DIFFERENCE * passed_s + _JITTER_S:
        raise NotMeasured(_disagreement(session.hello, runs[0].ticks / hz, passed_s, repeats // 4))


def _disagreement(hello: Hello, stated_s: float, passed_s: float, repeats: int) -> str:
    stated_ms, passed_ms = stated_s * 1e3 / repeats, passed_s * 1e3 / repeats
    return (
        f"the board {hello.board} counts {stated_ms:.3g} ms a call at {hello.tick_hz / 1e6:g} MHz, "
        f"but {passed_ms:.3g} ms pass: its tick_hz is wrong, or its counter of {hello.tick_bits} "
        "bits wraps in a call"
    )


if __name__ == "__main__":
    children.serve(work)
