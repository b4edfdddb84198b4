"""Child process: one artifact in one runtime. It refuses to time a wrong answer."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import children
from edgeae.bundle import EDGES, Bundle, open_bundle
from edgeae.errors import NotMeasured, OutOfTolerance
from edgeae.inference import prepare, run_all
from edgeae.machine import peak_rss_bytes
from edgeae.parity import REPRODUCED, breaches
from edgeae.program import Program, open_program
from edgeae.recipe import REFERENCE
from edgeae.runtimes import load
from edgeae.runtimes.protocol import Session
from edgeae.timing.measurement import Patience, measure
from edgeae.verify.rows import parity

__all__ = ["work"]


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Check, open, check, time; report the measured part of a results row.

    Args:
        job: `root`, `part`, `format`, `golden` (the bundle whose golden vectors apply), `runtime`,
            `threads`, `patience`.

    Raises:
        RuntimeUnavailable: the engine or its hardware is absent.
        ManifestMismatch: the bytes are not those of the manifest.
        OutOfTolerance: the runtime's answer is not the golden one.
    """
    runtime = load(job["runtime"])
    version = runtime.version()
    program = open_program(Path(job["root"]), job["part"], job["format"])
    golden = open_bundle(Path(job["golden"]))
    inputs = golden_inputs(program, golden)
    started = time.perf_counter_ns()
    session = runtime.open(program, threads=job["threads"])
    load_ns = time.perf_counter_ns() - started
    one = np.ascontiguousarray(inputs[:1])
    started = time.perf_counter_ns()
    session.run(one)
    first_ns = time.perf_counter_ns() - started
    if runtime.answers:
        check_golden(session, program, golden, inputs, job["runtime"])
    run = session.run
    found = measure(lambda: run(one), Patience(**job["patience"]))
    yield {
        "runtime_version": version,
        "device": runtime.device(),
        "load_ns": load_ns,
        "first_ns": first_ns,
        "rss_peak_bytes": peak_rss_bytes(),
        "note": session.note,
        **asdict(found),
    }
    session.close()


def golden_inputs(program: Program, golden: Bundle) -> NDArray[Any]:
    """Return the golden inputs (n, …) of a part, in the artifact's own element type."""
    source = EDGES[program.artifact.part][0]
    if source == "image":
        return prepare(program.artifact, golden.golden("image"))
    if program.artifact.format == "keras":
        return prepare(program.artifact, golden.golden("code"))
    return golden.golden("encoder")


def check_golden(
    session: Session, program: Program, golden: Bundle, inputs: NDArray[Any], runtime: str
) -> None:
    """Run the golden inputs and compare.

    Raises:
        OutOfTolerance: an answer is outside the recipe's tolerance, NaN or infinite.
        NotMeasured: the golden vectors belong to another model.
    """
    artifact = program.artifact
    original = artifact.format == "keras"
    # an export is held to what it gave itself on the reference kernels, the original to Keras
    name = EDGES[artifact.part][1] if original else artifact.part
    expected = golden.golden(name)
    output = run_all(session, artifact, inputs)
    if output.shape != expected.shape:
        raise NotMeasured(f"golden {name}: shape {expected.shape}, the answer has {output.shape}")
    tolerance = golden.manifest.tolerance.on(runtime)
    if runtime == REFERENCE or original:
        tolerance = REPRODUCED
    found = breaches(parity(output, expected, artifact.output), tolerance)
    if found:
        raise OutOfTolerance(f"wrong answer on the golden vectors: {'; '.join(found)}")


if __name__ == "__main__":
    children.serve(work)
