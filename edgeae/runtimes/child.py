"""Child process: run artifacts of one bundle in one runtime over given inputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.verified_artifact import open_program
from edgeae.errors import EdgeaeError, RuntimeUnavailable
from edgeae.runtimes import load
from edgeae.runtimes.answers import SOFTWARE_IMAGES
from edgeae.runtimes.inference import prepare, run_all
from edgeae.system import children
from edgeae.system.scratch import write_scratch


def run(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["tasks"]`, each `{name, part, inputs, outputs}`, the latter two `.npy` paths.

    float32 inputs are real values; others are already in the artifact's element type. First reports
    `{version, device, software}`, then per task, in order, `{note}` or `{error, code}`.
    A software device is asked about the first `SOFTWARE_IMAGES` inputs alone.

    Raises:
        RuntimeUnavailable: the engine or its hardware is absent.
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
            outputs = run_all(session, program.artifact, inputs)
            # numpy's own writing tells nothing of a full disk but a number of items
            write_scratch(Path(task["outputs"]), npy_bytes(outputs))
            yield {"note": session.note}
            session.close()
        except RuntimeUnavailable:
            raise  # found out only by opening: no part can be run
        except EdgeaeError as error:
            yield {"error": str(error), "code": error.code}


def _inputs(path: Path) -> Any:
    try:
        return np.load(path)
    except FileNotFoundError:
        raise EdgeaeError(f"no input: the part that makes {path.stem} failed") from None


if __name__ == "__main__":
    children.serve(run)
