"""Child process: loads baseline and candidate in one runtime, and times interleaved blocks.

The memory addresses of a session's weights and buffers change the time of its calls by up to 1 %,
for the life of the session. Therefore each side is opened several times, in alternating order, and
every quad draws one session of each side: this averages over the addresses.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.artifacts.verified_artifact import open_program
from edgeae.errors import ManifestMismatch, NotMeasured, OutOfTolerance
from edgeae.formats.opening import open_file
from edgeae.gate.interleaved import interleave
from edgeae.gate.rows import PairRow
from edgeae.metrics.tolerance import Tolerance
from edgeae.runtimes import Session, load
from edgeae.system import children
from edgeae.system.machine import peak_rss_bytes
from edgeae.timing import conditions
from edgeae.timing.clock import boot_ns
from edgeae.timing.measurement import Call, bound, uncollected
from edgeae.timing.worker import answers, check_finite, check_golden, golden_inputs, seeded_inputs

#: Largest number of sessions per side; large or slow-to-open artifacts get fewer.
_SESSIONS = 6
_SESSION_BYTES = 32_000_000
_OPENING_NS = 300_000_000


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Check both files and their answers, time both sides, and yield one `PairRow` as JSON.

    Args:
        job: `baseline` and `candidate` (each `{path}` or `{root, part, format}`, with `sha256` and
            `runtime`), `threads`, `batch`, `process`, `seed`, and `planted`: injected slowdown of
            the candidate, as a share of the baseline's time above the fixed cost, for the gate's
            self-test.

    Raises:
        RuntimeUnavailable: the engine or its hardware is absent.
        ManifestMismatch: a file is not the one that its manifest or the job describes.
        BadInput: a file cannot be opened.
        OutOfTolerance: an answer is wrong, NaN or infinite.
        NotMeasured: the clock stands still, goes back or jumps.
    """
    started = time.perf_counter()
    baseline, candidate = _Side(job, "baseline"), _Side(job, "candidate")
    candidate_first = job["process"] % 2 == 1
    _open_in_turns(baseline, candidate, candidate_first)
    fixed = baseline.runtime.open_fixed(baseline.program.artifact, job["threads"], job["batch"])
    # the passthrough model takes flat inputs (batch, values)
    flat = baseline.example.reshape(len(baseline.example), -1)
    before = conditions.sample()
    with uncollected():
        blocks = interleave(
            baseline.calls,
            candidate.calls,
            bound(fixed.run, flat),
            planted=job["planted"],
            seed=job["seed"],
            witness=boot_ns,
        )
    after = conditions.sample()
    device = candidate.runtime.device()
    row = PairRow(
        process=job["process"],
        candidate_first=candidate_first,
        sessions=len(baseline.calls),
        load_ns=(baseline.load_ns, candidate.load_ns),
        first_ns=(baseline.first_ns, candidate.first_ns),
        rss_peak_bytes=candidate.rss_peak_bytes,
        **_difference(candidate, baseline),
        runtime_version=candidate.runtime.version(),
        device=device.name,
        software=device.software,
        notes=tuple(sorted(baseline.notes | candidate.notes)),
        unstable=conditions.environment_reasons(before, after),
        seconds=time.perf_counter() - started,
        **asdict(blocks),
    )
    yield asdict(row)


@dataclass
class _Side:
    """Baseline or candidate: the checked artifact, and the sessions opened so far."""

    job: dict[str, Any]
    name: str
    load_ns: int = 0
    first_ns: int = 0
    rss_peak_bytes: int | None = None
    sessions: list[Session] = field(default_factory=list)
    first_answer: NDArray[Any] | None = None
    notes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        place = self.job[self.name]
        self.runtime = load(place["runtime"])
        self.runtime.version()  # raises if the runtime is absent
        self.golden: Bundle | None = None
        if "path" in place:
            self.program = open_file(Path(place["path"]))
            self.inputs = seeded_inputs(self.program.artifact)
        else:
            self.program = open_program(Path(place["root"]), place["part"], place["format"])
            self.golden = open_bundle(Path(place["root"]))
            self.inputs = golden_inputs(self.program, self.golden)
        if self.program.artifact.sha256 != place["sha256"]:
            raise ManifestMismatch(f"{self.program.path}: changed since this gate began")
        batch = self.job["batch"]
        self.example = np.ascontiguousarray(np.resize(self.inputs, (batch, *self.inputs.shape[1:])))

    @property
    def calls(self) -> list[Call]:
        return [bound(session.run, self.example) for session in self.sessions]

    def open(self) -> None:
        """Open one more session and check its answer."""
        started = time.perf_counter_ns()
        session = self.runtime.open(self.program, self.job["threads"], self.job["batch"])
        loaded = time.perf_counter_ns()
        answer = session.run(self.example)
        answered = time.perf_counter_ns()
        if not self.sessions:
            self.load_ns, self.first_ns = loaded - started, answered - loaded
            self.rss_peak_bytes = peak_rss_bytes()
        self.sessions.append(session)
        self.notes |= {session.note} - {""}
        if self.runtime.answers:
            self._check(session, answer)

    def _check(self, session: Session, answer: NDArray[Any]) -> None:
        try:
            self._compare(session, answer)
        except OutOfTolerance as error:
            reason = f"{self.name} {self.program.path}: {error}"
            if self.name == "candidate":
                raise OutOfTolerance(reason) from None
            raise NotMeasured(reason) from None  # a wrong baseline must not fail the candidate

    def _compare(self, session: Session, answer: NDArray[Any]) -> None:
        if self.first_answer is not None:
            # with other memory alignment, kernels may sum in another order
            if not np.allclose(answer, self.first_answer, rtol=1e-4, atol=1e-4):
                raise OutOfTolerance("two sessions gave different answers")
            return
        self.first_answer = answer
        batch, runtime = self.job["batch"], self.job[self.name]["runtime"]
        if self.golden is None:
            check_finite(session, self.program, self.inputs, batch)
        else:
            check_golden(session, self.program, self.golden, self.inputs, runtime, batch)

    def answers(self) -> NDArray[Any]:
        """Return the answers to all inputs, shape (n, …)."""
        return answers(self.sessions[0], self.inputs, self.job["batch"])


def _open_in_turns(baseline: _Side, candidate: _Side, candidate_first: bool) -> None:
    largest = max(len(side.program.content) for side in (baseline, candidate))
    most = max(2, min(_SESSIONS, _SESSION_BYTES // max(1, largest)))
    started = time.perf_counter_ns()
    turn = [candidate, baseline] if candidate_first else [baseline, candidate]
    while len(baseline.sessions) < most:
        for side in turn:
            side.open()
        turn.reverse()
        slow = time.perf_counter_ns() - started > _OPENING_NS
        if slow and len(baseline.sessions) >= 2:  # the machine's own error needs two sessions
            return


def _difference(candidate: _Side, baseline: _Side) -> dict[str, Any]:
    """Return how far the answers of two bare files differ on the same inputs.

    Empty for bundles, and if the types or quantization of inputs or outputs differ.
    """
    if candidate.golden is not None or baseline.golden is not None:
        return {}
    ours, theirs = candidate.program.artifact, baseline.program.artifact
    edges = [(item.dtype, item.affine) for item in (ours.input, ours.output)]
    if edges != [(item.dtype, item.affine) for item in (theirs.input, theirs.output)]:
        return {}
    new, old = candidate.answers(), baseline.answers()
    if np.issubdtype(new.dtype, np.floating):
        limit = Tolerance().max_abs * max(1.0, float(np.abs(old).max()))
        return {"difference": float(np.abs(new - old).max()), "agreement": limit}
    steps = np.abs(new.astype(np.int64) - old.astype(np.int64))
    return {"difference": float(steps.max()), "difference_unit": "LSB"}


if __name__ == "__main__":
    children.serve(work)
