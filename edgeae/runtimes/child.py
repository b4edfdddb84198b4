"""Child process: runs artifacts of a bundle in a runtime on given inputs."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact, open_program
from edgeae.errors import EdgeaeError, ManifestMismatch, RuntimeCrashed, RuntimeUnavailable
from edgeae.runtimes import load
from edgeae.runtimes.answers import SOFTWARE_IMAGES
from edgeae.runtimes.inference import prepare, run_all, run_shared
from edgeae.runtimes.protocol import Device, Runtime, Session
from edgeae.runtimes.serial_line import line_of
from edgeae.system import children
from edgeae.system.scratch import write_scratch

#: Inputs that a slow device runs before it may report progress, and seconds between two reports.
_AT_ONCE, _TELL_S = 10, 5.0


def run(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["tasks"]`, each `{name, part, inputs, outputs}`; the latter two are `.npy` paths.

    float32 inputs are real values; other inputs have the artifact's element type. A software or
    slow device only runs the first `SOFTWARE_IMAGES` inputs. A board's job has a `line`. A task
    with a `twin`, which is the name of an earlier task of the same part, is not run again on that
    task's inputs.

    Yields:
        `{version, device, software}`, of a slow device with `slow` and `holds`, and then for each
        task, in order, `{note}` or `{error, code}`; before it, from a slow device, any number of
        `{done, n}`.

    Raises:
        RuntimeUnavailable: the engine or its hardware is missing.
        RuntimeCrashed, ManifestMismatch: a board does not answer, or runs another model.
    """
    line = line_of(job)
    runtime = load(job["runtime"], line)
    version, device = runtime.version(), runtime.device()
    yield {"version": version, **_described(device)}
    twins = {task.get("twin") for task in job["tasks"]}
    kept: dict[str, _Done] = {}
    for task in job["tasks"]:
        try:
            program = open_program(Path(job["root"]), task["part"], job["format"])
            inputs = _inputs(Path(task["inputs"]))
            inputs = inputs[:SOFTWARE_IMAGES] if device.software or device.slow else inputs
            done = kept.get(task.get("twin", ""))
            if done is None or not done.took(inputs):
                done = yield from _run(runtime, program, inputs, job, slow=device.slow)
            # not np.save: its error for a full disk only states a number of items
            write_scratch(Path(task["outputs"]), npy_bytes(done.outputs))
            yield {"note": done.session.note}
            if task["name"] in twins:
                kept[task["name"]] = done
            else:
                done.session.close()
        except RuntimeUnavailable:
            raise  # detected only when a model is opened; no part can run
        except EdgeaeError as error:
            if line is not None and isinstance(error, RuntimeCrashed | ManifestMismatch):
                raise  # the board fails all parts
            yield {"error": str(error), "code": error.code}


def _described(device: Device) -> dict[str, Any]:
    board = {"slow": True, "holds": list(device.holds)} if device.slow else {}
    return {"device": device.name, "software": device.software, **board}


@dataclass(frozen=True)
class _Done:
    """A task that was run: its inputs and outputs (n, …), and the session."""

    inputs: NDArray[Any]
    outputs: NDArray[Any]
    session: Session

    def took(self, inputs: NDArray[Any]) -> bool:
        """Return whether these were the inputs, bit for bit."""
        same = self.inputs.dtype == inputs.dtype and self.inputs.shape == inputs.shape
        return same and self.inputs.tobytes() == inputs.tobytes()


def _run(
    runtime: Runtime,
    program: VerifiedArtifact,
    inputs: NDArray[Any],
    job: dict[str, Any],
    *,
    slow: bool,
) -> Generator[dict[str, Any], None, _Done]:
    session = runtime.open(program, threads=job["threads"])
    values = prepare(program.artifact, inputs) if inputs.dtype == np.float32 else inputs
    if slow:
        outputs = yield from _run_slowly(session, program.artifact, values)
    elif job["sessions"] > 1:
        outputs = run_shared(runtime, program, values, job["sessions"])
    else:
        outputs = run_all(session, program.artifact, values)
    return _Done(inputs, outputs, session)


def _run_slowly(
    session: Session, artifact: Artifact, inputs: NDArray[Any]
) -> Generator[dict[str, Any], None, NDArray[Any]]:
    """Run prepared inputs (n, …) as `run_all` does, and yield how many are done now and then."""
    outputs, told = [], time.monotonic()
    for start in range(0, max(len(inputs), 1), _AT_ONCE):
        outputs.append(run_all(session, artifact, inputs[start : start + _AT_ONCE]))
        if time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            yield {"done": start + len(outputs[-1]), "n": len(inputs)}
    return np.concatenate(outputs)


def _inputs(path: Path) -> Any:
    try:
        return np.load(path)
    except FileNotFoundError:
        raise EdgeaeError(f"no input: the part that makes {path.stem} failed") from None


if __name__ == "__main__":
    children.serve(run)
