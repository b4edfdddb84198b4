"""What the reference kernels answer to the golden inputs: their own golden outputs."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Artifact
from edgeae.metrics.parity import REPRODUCED, breaches
from edgeae.metrics.tolerance import Tolerance
from edgeae.runtimes.answers import COMPOSED, Answers
from edgeae.verify.rows import parity
from edgeae.verify.subject import Subject


@dataclass(frozen=True)
class Own:
    """Answers of the reference kernels to the golden inputs, which must be the golden outputs.

    Attributes:
        subject: the golden inputs and outputs.
        answers: what the reference kernels answer now.
    """

    subject: Subject
    answers: Answers

    def breaches(self, artifact: Artifact, tolerance: Tolerance) -> list[str]:
        """Return the breaches of an artifact whose answers changed since its export."""
        output = self.answers.outputs[artifact.part]
        compared = parity(output, self.subject.expected[artifact.part], artifact.output)
        if artifact.format != "tflite":  # onnxruntime's integers depend on the processor
            limits = replace(tolerance, max_abs=max(tolerance.max_abs, REPRODUCED.max_abs))
        else:
            limits = REPRODUCED
        return [f"golden: {breach}" for breach in breaches(compared, limits)]


def answers_within(
    bundle: Bundle, subject: Subject, images: NDArray[np.float32], answers: Answers
) -> Answers | None:
    """Return the answers to the golden inputs that a run on more images already gave.

    The golden images usually are test images. Their answers are taken only if the files run one
    image at a time, and if the decoder got the golden codes, bit for bit: a second run would have
    the same files, kernels and inputs.

    Args:
        bundle: the bundle.
        subject: the golden inputs; see `own_subject`.
        images: (n, …) the images of the run.
        answers: the answers of the bundle's reference runtime to `images`, with `COMPOSED` if there
            is a code.

    Returns:
        None if the golden inputs have to be run.
    """
    files = [bundle.artifact(part, bundle.format) for part in bundle.parts]
    alone = all(artifact.input.shape[0] == 1 for artifact in files)
    rows = _rows(images, subject.images) if alone and not answers.errors else None
    if rows is None:
        return None
    outputs = {part: output[rows] for part, output in answers.outputs.items()}
    if subject.codes is not None:
        if COMPOSED not in outputs or not _same(outputs["encoder"], subject.codes):
            return None
        outputs["decoder"] = outputs[COMPOSED]
    return replace(answers, outputs=outputs)


def _rows(images: NDArray[np.float32], wanted: NDArray[np.float32]) -> list[int] | None:
    """Return where each of the wanted images (m, …) stands in images (n, …); None if one is not."""
    place = {_digest(image): row for row, image in enumerate(images)}
    rows = [place.get(_digest(image)) for image in wanted]
    return [row for row in rows if row is not None] if None not in rows else None


def _digest(image: NDArray[np.float32]) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()


def _same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return first.dtype == second.dtype and first.tobytes() == second.tobytes()
