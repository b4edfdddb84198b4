"""Child process: measures one artifact on an emulated core, only if its answers are right."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES, Bundle, holding
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.codegen.emulation.emulator import Emulated
from edgeae.runtimes import load
from edgeae.runtimes.c_emulated import figures
from edgeae.runtimes.inference import prepare
from edgeae.system import children
from edgeae.timing.emulated import core_name
from edgeae.timing.worker import (
    check_answers,
    check_is_of,
    checked_finite,
    golden_inputs,
    program_of,
    seeded_inputs,
)

#: Golden inputs that a core runs: they begin with one image of each label.
_INPUTS = 16


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the artifact on a core, check its answers, and yield the measured part of a results row.

    Args:
        job: `root`, `part`, `format`, `golden`, `artifact` and `runtime`, see
            `edgeae.timing.worker.work`. The gate adds `inputs`: a bundle and its part whose golden
            inputs are run, so that both sides run the same; or null for random inputs.

    Raises:
        RuntimeUnavailable: compiler or emulator are missing.
        ManifestMismatch: the bytes are not those of the manifest.
        NotMeasured: C does not support the model, or it does not fit into the core's memory.
        OutOfTolerance: an answer differs from the golden one, or is NaN or infinite.
        RuntimeCrashed: the core faulted, or the emulator hung.
    """
    runtime = load(job["runtime"])
    about = {"runtime_version": runtime.version(), "device": runtime.device().name}
    program = program_of(job)
    found = figures(program, core_name(job["runtime"]), _inputs(program, job))
    _check(found.outputs, program, job)
    yield {**about, "software": True, **exact(found)}


def _inputs(program: VerifiedArtifact, job: dict[str, Any]) -> NDArray[Any]:
    own = (job["golden"], job["part"]) if job["golden"] else None
    source = job.get("inputs", own)
    if source is None:
        return seeded_inputs(program.artifact)
    place, part = source
    with holding(Path(place)) as bundle:
        if place == job["golden"]:
            return golden_inputs(program, bundle)[:_INPUTS]
        return _foreign(program.artifact, bundle, part)


def _foreign(artifact: Artifact, bundle: Bundle, part: str) -> NDArray[Any]:
    """Return another bundle's inputs (n, …) of a part, in the element type of an artifact."""
    image = EDGES[part][0] == "image"
    if not image and artifact.input.affine == bundle.artifact("encoder", "tflite").output.affine:
        return bundle.golden("encoder")[:_INPUTS]
    return prepare(artifact, bundle.golden("image" if image else "code")[:_INPUTS])


def _check(outputs: NDArray[Any], program: VerifiedArtifact, job: dict[str, Any]) -> None:
    """Compare outputs (n, …) with the golden ones, if the artifact's own golden inputs were run."""
    own = job["golden"] is not None and job.get("inputs", [job["golden"]])[0] == job["golden"]
    if not own:
        checked_finite(outputs, program)
        return
    with holding(Path(job["golden"])) as golden:
        check_is_of(program, golden)
        check_answers(outputs, len(outputs), program, golden, job["runtime"])


def exact(found: Emulated) -> dict[str, int]:
    """Return figures as fields of a results row.

    Variables with an initial value count twice: the value is in flash, the variable in RAM.
    """
    flash = found.flash
    data = flash.data + flash.bss
    return {
        "instructions": found.instructions,
        "inputs": len(found.outputs),
        "flash_bytes": flash.code + flash.constants + flash.data,
        "ram_bytes": found.arena_bytes + data + found.stack_bytes,
        "code_bytes": flash.code,
        "constants_bytes": flash.constants,
        "arena_bytes": found.arena_bytes,
        "data_bytes": data,
        "stack_bytes": found.stack_bytes,
    }


if __name__ == "__main__":
    children.serve(work)
