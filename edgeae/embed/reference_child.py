"""Child process: runs a bare `.tflite` on random inputs with LiteRT's reference kernels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import TensorSpec
from edgeae.formats.opening import open_file
from edgeae.runtimes import load
from edgeae.runtimes.inference import run_all
from edgeae.system import children

#: Seed of the inputs, so that the same file gives the same golden vectors.
_SEED = 0


def run(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["path"]` on `job["n"]` inputs.

    Yields:
        `inputs` and `outputs` as flat lists, and for each its `_dtype` and `_shape`.
    """
    program = open_file(Path(job["path"]))
    session = load("litert-reference").open(program, threads=1)
    inputs = _random(program.artifact.input, job["n"])
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


def _random(spec: TensorSpec, n: int) -> NDArray[Any]:
    rng = np.random.default_rng(_SEED)
    shape = (n, *spec.values)
    if spec.dtype == "float32":
        return rng.random(shape, np.float32)
    limits = np.iinfo(spec.dtype)
    values: NDArray[Any] = rng.integers(limits.min, limits.max + 1, shape).astype(spec.dtype)
    return values


if __name__ == "__main__":
    children.serve(run)
