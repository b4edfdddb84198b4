"""Child process: runs a bare `.tflite` on random inputs with LiteRT's reference kernels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.formats.opening import open_file
from edgeae.runtimes import load
from edgeae.runtimes.inference import run_all
from edgeae.system import children
from edgeae.timing.worker import seeded_inputs


def run(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["path"]` on `job["n"]` inputs, the same each time.

    Yields:
        `inputs` and `outputs` as flat lists, and for each its `_dtype` and `_shape`.
    """
    program = open_file(Path(job["path"]))
    session = load("litert-reference").open(program, threads=1)
    inputs = seeded_inputs(program.artifact, job["n"])
    outputs = run_all(session, program.artifact, inputs)
    session.close()
    report: dict[str, Any] = {}
    for key, array in (("inputs", inputs), ("outputs", outputs)):
        report |= {
            key: array.reshape(-1).tolist(),
            f"{key}_dtype": array.dtype.name,
            f"{key}_shape": list(array.shape),
        }
    yield report


if __name__ == "__main__":
    children.serve(run)
