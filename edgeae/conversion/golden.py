"""Golden vectors: frozen inputs and outputs that any device can be checked against."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.bundle import EDGES
from edgeae.data import Dataset
from edgeae.inference import prepare, run_all
from edgeae.program import Program
from edgeae.recipe import PARTS, REFERENCE
from edgeae.runtimes import load
from edgeae.runtimes.protocol import Session

__all__ = ["SIZE", "choose_images", "open_reference", "part_outputs"]

#: Images in a golden set: enough to notice a swapped row of weights, small enough for a device.
SIZE = 64


def choose_images(dataset: Dataset, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Choose up to 64 test images, (n, *shape): first one of each label, then from the start."""
    images = dataset.images("test", shape)
    labels = dataset.test_labels
    first = (
        [] if labels is None else [int(np.argmax(labels == label)) for label in np.unique(labels)]
    )
    order = list(dict.fromkeys([*first, *range(len(images))]))
    return images[order[:SIZE]]


def open_reference(program: Program) -> Session:
    """Open a `.tflite` on the kernels that all int8 parity refers to."""
    return load(REFERENCE).open(program, threads=1)


def part_outputs(
    programs: dict[str, Program], images: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """Run each part on the reference kernels; the decoder gets the encoder's output.

    Args:
        programs: part → `.tflite`.
        images: (n, …) float32.

    Returns:
        part → (n, …) outputs in the part's own element type.
    """
    outputs: dict[str, NDArray[Any]] = {}
    for part in PARTS:
        program = programs[part]
        source = EDGES[part][0]
        session = open_reference(program)
        inputs = outputs["encoder"] if source == "code" else prepare(program.artifact, images)
        outputs[part] = run_all(session, program.artifact, inputs)
        session.close()
    return outputs
