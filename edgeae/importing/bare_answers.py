"""Child process: what imported files make of the test rows, in the runtime that judges them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgeae import children, files
from edgeae.bundle import Artifact, npy_bytes
from edgeae.inference import part_outputs
from edgeae.program import Program
from edgeae.runtimes import load
from edgeae.scratch import write_scratch

__all__ = ["answer"]


def answer(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["artifacts"]`, which lie in `job["folder"]`, over `job["images"]`, an `.npy`.

    Writes `<part>.npy` into `job["out"]` and reports `{version}` of `job["runtime"]`.

    Raises:
        RuntimeUnavailable: the runtime is not installed.
        BadInput: it refuses a file.
    """
    runtime = load(job["runtime"])
    version = runtime.version()
    folder = Path(job["folder"])
    programs = {}
    for table in job["artifacts"]:
        artifact = Artifact.from_json(table)
        path = folder / artifact.path
        programs[artifact.part] = Program(artifact, files.read(path, files.MODEL_BYTES), path)
    outputs = part_outputs(runtime, programs, np.load(job["images"]))
    for part, array in outputs.items():
        write_scratch(Path(job["out"], f"{part}.npy"), npy_bytes(array))
    yield {"version": version}


if __name__ == "__main__":
    children.serve(answer)
