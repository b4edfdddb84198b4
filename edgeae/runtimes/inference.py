"""Runs a set of images through a session, in the element types of the artifact."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import ManifestMismatch
from edgeae.metrics.quantization import dequantize, quantize
from edgeae.recipe import PARTS
from edgeae.runtimes.protocol import Bulk, Runtime, Session
from edgeae.system import children

#: Artifact and its prepared inputs (n, …) → its outputs (n, …), both in its element types.
Run = Callable[[VerifiedArtifact, NDArray[Any]], NDArray[Any]]

_FREE_BATCH = 500


def prepare(artifact: Artifact, real: NDArray[np.float32]) -> NDArray[Any]:
    """Return real inputs (n, …) in the shape and element type of the artifact's input."""
    shaped = real.reshape(len(real), *artifact.input.values)
    affine = artifact.input.affine
    return shaped if affine is None else quantize(shaped, affine)


def real(artifact: Artifact, outputs: NDArray[Any]) -> NDArray[np.float32]:
    """Return outputs (n, …) in the artifact's element type as real values, float32."""
    affine = artifact.output.affine
    return outputs if affine is None else dequantize(outputs, affine)


def run_all(
    session: Session, artifact: Artifact, inputs: NDArray[Any], batch: int | None = None
) -> NDArray[Any]:
    """Run prepared inputs (n, …) and return the outputs (n, …) in the artifact's element type.

    Args:
        session: a session of the artifact.
        artifact: its description.
        inputs: (n, …), in the artifact's element type.
        batch: the batch with which the session was opened, if it takes no other: the last call
            is filled up with copies of the last input, whose outputs are dropped. None runs one
            input in each call if the artifact's batch is 1, because the shipped artifact runs so;
            only a session that says so (`Bulk`) takes many.

    Raises:
        ManifestMismatch: the outputs have another shape or element type than the manifest states.
    """
    size = _usual_batch(session, artifact) if batch is None else batch
    whole = len(inputs) // size * size
    outputs = _in_calls(session, artifact, inputs[:whole], size)
    left = inputs[whole:]
    if not len(left):
        return outputs
    more = [] if batch is None else [left[-1:]] * (size - len(left))
    filled = np.concatenate([left, *more])
    last = _in_calls(session, artifact, filled, len(filled))[: len(left)]
    return np.concatenate([outputs, last])


def _in_calls(
    session: Session, artifact: Artifact, inputs: NDArray[Any], size: int
) -> NDArray[Any]:
    """Return the outputs of calls of exactly `size` inputs each, whose number divides the inputs.

    The loop is what `edgeae.open(…).encode(…)` takes beyond the engine's own time.
    """
    run, shape = session.run, artifact.output.values
    expected, dtype = (size, *shape), np.dtype(artifact.output.dtype)
    outputs = np.empty((0, *shape), dtype)
    for start in range(0, len(inputs), size):
        given = run(inputs[start : start + size])
        if given.shape != expected or given.dtype != dtype:
            raise ManifestMismatch(
                f"{artifact.path}: gives {given.dtype} {given.shape}, its manifest states "
                f"{artifact.output.dtype} {expected}"
            )
        if not start:  # only now: a wrong description may have any size
            outputs = np.empty((len(inputs), *shape), dtype)
        outputs[start : start + size] = given
    return outputs


def _usual_batch(session: Session, artifact: Artifact) -> int:
    if isinstance(session, Bulk):
        return session.bulk
    return 1 if artifact.input.shape[0] == 1 else _FREE_BATCH


def run_shared(
    runtime: Runtime, program: VerifiedArtifact, inputs: NDArray[Any], sessions: int
) -> NDArray[Any]:
    """Run prepared inputs as `run_all` does, in several sessions of one thread each at once.

    Args:
        runtime: its kernels leave Python's lock while they compute.
        program: the artifact to run.
        inputs: (n, …), in the artifact's element type.
        sessions: number of sessions; each runs an equal share of the inputs.

    Raises:
        ManifestMismatch: see `run_all`.
    """
    shares = np.array_split(inputs, max(1, min(sessions, len(inputs))))

    def run(share: NDArray[Any]) -> NDArray[Any]:
        session = runtime.open(program, threads=1)
        outputs = run_all(session, program.artifact, share)
        session.close()
        return outputs

    with children.threads(len(shares)) as pool:
        return np.concatenate(list(pool.map(run, shares)))


def alone(runtime: Runtime) -> Run:
    """Return the function that runs an artifact's inputs in one session of a runtime."""
    return lambda program, inputs: run_shared(runtime, program, inputs, 1)


def part_outputs(
    run: Run, programs: Mapping[str, VerifiedArtifact], images: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """Run each part; the decoder's input is the encoder's output.

    Args:
        run: runs an artifact.
        programs: part → artifact to run.
        images: (n, …) real values.

    Returns:
        part → (n, …) outputs in the part's element type.
    """
    outputs: dict[str, NDArray[Any]] = {}
    for part in (part for part in PARTS if part in programs):
        outputs[part] = part_output(run, programs[part], images, outputs)
    return outputs


def part_output(
    run: Run,
    program: VerifiedArtifact,
    images: NDArray[np.float32],
    earlier: Mapping[str, NDArray[Any]],
) -> NDArray[Any]:
    """Return the outputs of one part; see `part_outputs`.

    `earlier` has the encoder's output, which is the input of the decoder.
    """
    codes = EDGES[program.artifact.part][0] == "code"
    return run(program, earlier["encoder"] if codes else prepare(program.artifact, images))
