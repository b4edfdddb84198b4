"""Child process: runs artifacts of a bundle in a runtime on given inputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.verified_artifact import open_program
from edgeae.errors import EdgeaeError, RuntimeUnavailable
from edgeae.runtimes import load
from edgeae.runtimes.answers import SOFTWARE_IMAGES
from edgeae.runtimes.inference import prepare, run_all, run_shared
from edgeae.system import children
from edgeae.system.scratch import write_scratch


def run(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["tasks"]`, each `{name, part, inputs, outputs}`; the latter two are `.npy` paths.

    float32 inputs are real values; other inputs have the artifact's element type. A software device
    only runs the first `SOFTWARE_IMAGES` inputs.

    Yields:
        `{version, device, software}`, and then for each task, in order, `{note}` or
        `{error, code}`.

    Raises:
        RuntimeUnavailable: the engine or its hardware is missing.
    """
    runtime = load(job["runtime"])
    version, device = runtime.version(), runtime.device()
    yield {"version": version, "device": device.name, "software": device.software}
    for task in job["tasks"]:
        try:
            program = open_program(Path(job["root"]), task["part"], job["format"])
            inputs = _inputs(Path(task["inputs"]))
            inputs = inputs[:SOFTWARE_IMAGES] if device.software else inputs
            session = runtime.open(program, threads=job["threads"])
            if inputs.dtype == np.float32:
                inputs = prepare(program.artifact, inputs)
            if job["sessions"] > 1:
                outputs = run_shared(runtime, program, inputs, job["sessions"])
            else:
                outputs = run_all(session, program.artifact, inputs)
            # not np.save: its error for a full disk only states a number of items
            write_scratch(Path(task["outputs"]), npy_bytes(outputs))
            yield {"note": session.note}
            session.close()
        except RuntimeUnavailable:
            raise  # detected only when a model is opened; no part can run
        except EdgeaeError as error:
            yield {"error": str(error), "code": error.code}


def _inputs(path: Path) -> Any:
    try:
        return np.load(path)
    except FileNotFoundError:
        raise EdgeaeError(f"no input: the part that makes {path.stem} failed") from None


if __name__ == "__main__":
    children.serve(run)
