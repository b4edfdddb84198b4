"""Running a whole set of images through a session, in an artifact's own element types."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.bundle import Artifact
from edgeae.quantization import quantize
from edgeae.runtimes.protocol import Session

__all__ = ["prepare", "run_all"]

_FREE_BATCH = 500


def prepare(artifact: Artifact, real: NDArray[np.float32]) -> NDArray[Any]:
    """Turn real inputs (n, …) into what the artifact takes: (n, its shape), its element type."""
    shaped = real.reshape(len(real), *artifact.input.values)
    affine = artifact.input.affine
    return shaped if affine is None else quantize(shaped, affine)


def run_all(session: Session, artifact: Artifact, inputs: NDArray[Any]) -> NDArray[Any]:
    """Run prepared inputs (n, …) and return the outputs (n, …) in the artifact's element type.

    One image a call where the artifact's batch is 1: verified is what ships.
    """
    batch = 1 if artifact.input.shape[0] == 1 else _FREE_BATCH
    outputs = np.empty((len(inputs), *artifact.output.values), artifact.output.dtype)
    for start in range(0, len(inputs), batch):
        outputs[start : start + batch] = session.run(inputs[start : start + batch])
    return outputs
