"""Child process: runs imported files on the test rows in their reference runtime."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, EdgeaeError, about
from edgeae.reading import files, typed
from edgeae.runtimes import load
from edgeae.runtimes.inference import alone, part_output
from edgeae.system import children
from edgeae.system.scratch import write_scratch


def answer(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run the artifacts on the images, and write the outputs as `<part>.npy`.

    Args:
        job: `runtime`, its name; `folder` of the artifacts; `artifacts`, their descriptions;
            `origins`, part → path of the user's file, for errors; `images`, an `.npy`; `out`, the
            folder of the outputs.

    Yields:
        `{version}` of the runtime.

    Raises:
        RuntimeUnavailable: the runtime is not installed.
        BadInput: the runtime cannot open or run a file.
    """
    runtime = load(job["runtime"])
    version = runtime.version()
    images = np.load(job["images"])
    outputs: dict[str, NDArray[Any]] = {}
    for artifact in typed.value(list[Artifact], job["artifacts"], "artifacts"):
        content = files.read(Path(job["folder"], artifact.path), files.MODEL_BYTES)
        program = VerifiedArtifact(artifact, content, Path(job["origins"][artifact.part]))
        with _named(program):
            outputs[artifact.part] = part_output(alone(runtime), program, images, outputs)
    for part, array in outputs.items():
        write_scratch(Path(job["out"], f"{part}.npy"), npy_bytes(array))
    yield {"version": version}


@contextlib.contextmanager
def _named(program: VerifiedArtifact) -> Iterator[None]:
    """Turn an error of an engine that runs a file into one line that names the file."""
    try:
        with about(program.path):
            yield
    except EdgeaeError:
        raise
    except Exception as error:  # engines do not document their exception classes
        reason = " ".join(str(error).split())[:300]
        raise BadInput(
            f"{program.path}: its {program.artifact.part} fails at run time: {reason}"
        ) from None


if __name__ == "__main__":
    children.serve(answer)
