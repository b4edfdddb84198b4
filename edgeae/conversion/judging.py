"""Measures the loss of a converted autoencoder that is in no bundle, on the reference kernels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.formats import describe
from edgeae.formats.tflite.graph import Graph, write
from edgeae.metrics.loss import image_losses
from edgeae.metrics.tolerance import REFERENCE
from edgeae.runtimes import load
from edgeae.runtimes.inference import prepare, real, run_all

_PART = "autoencoder"


def judge(
    parts: dict[str, Graph], images: NDArray[np.float32]
) -> tuple[Artifact, NDArray[np.float64]]:
    """Return the description of the autoencoder, and the MSE of each image, float64 (n,).

    Args:
        parts: result of `cut_original`.
        images: (n, …) real values.
    """
    content = write(parts[_PART])
    artifact = describe.tflite(_PART, content, f"{_PART}.tflite")
    session = load(REFERENCE).open(
        VerifiedArtifact(artifact, content, Path(artifact.path)), threads=1
    )
    outputs = run_all(session, artifact, prepare(artifact, images))
    session.close()
    return artifact, image_losses(real(artifact, outputs), images)
