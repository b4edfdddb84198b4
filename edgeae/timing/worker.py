"""Child process: times one artifact in one runtime, only if its answers are right."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES, Bundle, holding
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.model import ORIGINALS
from edgeae.artifacts.verified_artifact import VerifiedArtifact, open_program
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, OutOfTolerance
from edgeae.metrics.parity import REPRODUCED, breaches
from edgeae.metrics.tolerance import REFERENCE
from edgeae.reading import files, typed
from edgeae.runtimes import Runtime, load
from edgeae.runtimes.inference import prepare
from edgeae.runtimes.protocol import Session
from edgeae.system import children
from edgeae.system.machine import peak_rss_bytes
from edgeae.timing import conditions
from edgeae.timing.clock import boot_ns, overhead
from edgeae.timing.measurement import StoppingRule, bound, measure
from edgeae.verify.rows import parity

_SEED = 0
_SEEDED = 16


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Open the artifact, check its answers, and yield the measured part of a results row.

    Args:
        job: `root`, `part`, `format` and `golden` (the bundle whose golden vectors apply); or, for
            a bare file, `root`, `artifact` (its description) and `golden` None. Also `runtime`,
            `threads`, `batch`, `patience` (the stopping rule), and `spawned_ns`: the start of this
            process on CLOCK_MONOTONIC.

    Raises:
        RuntimeUnavailable: the engine or its hardware is absent.
        ManifestMismatch: the bytes are not those of the manifest.
        BadInput: the engine refuses the file or the batch.
        OutOfTolerance: an answer differs from the golden one, or is NaN or infinite.
        NotMeasured: the clock jumped.
    """
    started = time.perf_counter_ns()
    runtime = load(job["runtime"])
    import_ns = time.perf_counter_ns() - started
    version = runtime.version()
    program = program_of(job)
    batch, threads = job["batch"], job["threads"]
    # any input will do here: golden vectors are read after the cold start was timed
    any_input = _batch_of(seeded_inputs(program.artifact, 1), batch)
    started = time.perf_counter_ns()
    session = runtime.open(program, threads, batch)
    loaded = time.perf_counter_ns()
    session.run(any_input)
    first_ns = time.perf_counter_ns() - loaded
    cold = {
        "start_ns": time.monotonic_ns() - job["spawned_ns"],
        "import_ns": import_ns,
        "load_ns": loaded - started,
        "first_ns": first_ns,
        "rss_peak_bytes": peak_rss_bytes(),
    }
    inputs = _checked_inputs(runtime, session, program, job)
    fixed = runtime.open_fixed(program.artifact, threads, batch)
    steady = _steady(session, fixed, _batch_of(inputs, batch), StoppingRule(**job["patience"]))
    device = runtime.device()
    yield {
        "runtime_version": version,
        "device": device.name,
        "software": device.software,
        "note": session.note,
        **cold,
        **steady,
    }
    fixed.close()
    session.close()


def program_of(job: dict[str, Any]) -> VerifiedArtifact:
    """Return the artifact of a job, see `work`.

    Raises:
        ManifestMismatch: the bytes are not those of the manifest, or of the job's description.
    """
    root = Path(job["root"])
    if job["golden"] is not None:
        return open_program(root, job["part"], job["format"])
    # the parent describes the file, because reading a model for it is not part of a cold start
    artifact = typed.build(Artifact, job["artifact"])
    path = root / artifact.path
    content = files.read(path, files.MODEL_BYTES)
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise ManifestMismatch(f"{path}: changed since this bench began")
    return VerifiedArtifact(artifact, content, path)


def _checked_inputs(
    runtime: Runtime, session: Session, program: VerifiedArtifact, job: dict[str, Any]
) -> NDArray[Any]:
    """Return the inputs (n, …) for the timing, after checking the answers to all of them."""
    if job["golden"] is None:
        inputs = seeded_inputs(program.artifact)
        if runtime.answers:
            check_finite(session, program, inputs, job["batch"])
        return inputs
    with holding(Path(job["golden"])) as golden:
        if program.artifact.format not in ORIGINALS:
            check_is_of(program, golden)
        inputs = golden_inputs(program, golden)
        if runtime.answers:
            check_golden(session, program, golden, inputs, job["runtime"], job["batch"])
        return inputs


def check_is_of(program: VerifiedArtifact, golden: Bundle) -> None:
    """Check that the golden vectors belong to the export that was opened.

    Raises:
        NotMeasured: a newer export has replaced the bundle.
    """
    artifact = program.artifact
    if golden.artifact(artifact.part, artifact.format).sha256 != artifact.sha256:
        told = "a newer export replaced it while it was timed; bench again"
        raise NotMeasured(f"{golden.shown}: {told}")


def _steady(
    session: Session, fixed: Session, x: NDArray[Any], patience: StoppingRule
) -> dict[str, Any]:
    """Time the steady state and the fixed cost; return these fields of a results row."""
    clock = time.perf_counter_ns
    costs = overhead(clock)
    before = conditions.sample()
    found = measure(
        bound(session.run, x),
        patience,
        clock,
        witness=boot_ns,
        overhead=costs,
        fixed=bound(fixed.run, x.reshape(len(x), -1)),
    )
    after = conditions.sample()
    why = conditions.reasons(
        before, after, found.samples_ns, patience.relative_error, found.warmed_up
    )
    around = {"before": asdict(before), "after": asdict(after)}
    return {**asdict(found), **asdict(costs), "unstable": why, "conditions": around}


def seeded_inputs(artifact: Artifact, n: int = _SEEDED) -> NDArray[Any]:
    """Return seeded random inputs (n, …) for an artifact without golden vectors.

    Floats lie in [0, 1); 8- and 16-bit integers take any value; wider integers are 0 or 1.

    Raises:
        BadInput: the artifact's input is neither float nor integer.
    """
    random, spec = np.random.default_rng(_SEED), artifact.input
    shape, dtype = (n, *spec.values), np.dtype(spec.dtype)
    if dtype.kind == "f":
        return random.random(shape).astype(dtype)
    if dtype.kind not in "iu":
        raise BadInput(f"{artifact.path}: input is {dtype}: allowed are floats and integers")
    if dtype.itemsize > 2:  # wide integers are often indices, which must be small
        return random.integers(0, 2, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def golden_inputs(program: VerifiedArtifact, golden: Bundle) -> NDArray[Any]:
    """Return the golden inputs (n, …) of a part, in the element type of the artifact's input."""
    source = EDGES[program.artifact.part][0]
    if source == "image":
        return prepare(program.artifact, golden.golden("image"))
    if program.artifact.format in ORIGINALS:
        return prepare(program.artifact, golden.golden("code"))
    return golden.golden("encoder")


def check_golden(
    session: Session,
    program: VerifiedArtifact,
    golden: Bundle,
    inputs: NDArray[Any],
    runtime: str,
    batch: int = 1,
) -> None:
    """Run the golden inputs (n, …), `batch` per call, and compare the answers with the golden ones.

    Raises:
        OutOfTolerance: an answer is outside the recipe's tolerance, NaN or infinite.
        NotMeasured: the golden vectors belong to another model.
    """
    check_answers(answers(session, inputs, batch), len(inputs), program, golden, runtime)


def check_answers(
    output: NDArray[Any], n: int, program: VerifiedArtifact, golden: Bundle, runtime: str
) -> None:
    """Compare outputs, of the first `n` golden inputs in their order, with the golden answers.

    Args:
        output: (n or more, …); what is beyond `n` begins again with the first input.
        n: number of golden inputs that were run.
        program: the artifact.
        golden: the bundle of the golden vectors.
        runtime: name of the runtime, on which the tolerance depends.

    Raises:
        OutOfTolerance: an answer is outside the recipe's tolerance, NaN or infinite.
        NotMeasured: the golden vectors belong to another model.
    """
    artifact = program.artifact
    original = artifact.format in ORIGINALS
    # an export is compared with its own answers on the reference kernels, an original with Keras
    name = EDGES[artifact.part][1] if original else artifact.part
    expected = golden.golden(name)[:n]
    answered = (n, *output.shape[1:])
    if answered != expected.shape or output.dtype != expected.dtype:
        raise NotMeasured(
            f"golden {name}: {expected.dtype} {expected.shape}, "
            f"the answer is {output.dtype} {answered}"
        )
    tolerance = golden.manifest.tolerance.on(runtime, artifact.convolves)
    if runtime == REFERENCE or original:
        tolerance = REPRODUCED
    repeated = np.resize(expected, output.shape)
    wrong = breaches(parity(output, repeated, artifact.output), tolerance)
    if wrong:
        raise OutOfTolerance(f"wrong answer on the golden vectors: {'; '.join(wrong)}")


def check_finite(
    session: Session, program: VerifiedArtifact, inputs: NDArray[Any], batch: int = 1
) -> None:
    """Run inputs (n, …) of an artifact without golden vectors, `batch` per call.

    Raises:
        OutOfTolerance: an answer holds NaN or infinity.
    """
    checked_finite(answers(session, inputs, batch), program)


def checked_finite(output: NDArray[Any], program: VerifiedArtifact) -> None:
    """Check the outputs of random inputs.

    Raises:
        OutOfTolerance: an answer holds NaN or infinity.
    """
    if not np.isfinite(output).all():
        raise OutOfTolerance(f"{program.path}: output holds NaN or infinity on random inputs")


def answers(session: Session, inputs: NDArray[Any], batch: int) -> NDArray[Any]:
    """Run inputs (n, …); return n answers, or more if the last batch is filled up with inputs.

    Raises:
        OutOfTolerance: the number of answers of a call is not the number of its examples.
    """
    calls = -(-len(inputs) // batch)
    filled = np.resize(inputs, (calls * batch, *inputs.shape[1:]))
    given = [session.run(chunk) for chunk in np.split(filled, calls)]
    for answer in given:
        if len(answer) != batch:
            raise OutOfTolerance(f"a call of {batch} examples gave {len(answer)} answers")
    return np.concatenate(given)


def _batch_of(inputs: NDArray[Any], batch: int) -> NDArray[Any]:
    return np.ascontiguousarray(np.resize(inputs, (batch, *inputs.shape[1:])))


if __name__ == "__main__":
    children.serve(work)
