"""Runs a `.tflite` as LiteRT's reference kernels do, in a fraction of their time.

The reference kernels are plain loops, which need minutes for a convolutional model and thousands of
images. The generated C computes the same integers many times faster. It is used for long runs, and
only after its outputs for the first images were compared with those of the reference kernels, bit
by bit. Without a compiler, and for everything that C does not compute, the reference kernels run on
all cores, and a line says so.

`edgeae verify` does not use this: there, the reference kernels compute every output, because the
generated C is one of the runtimes that are compared with them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import NotMeasured, OutOfTolerance, RuntimeUnavailable
from edgeae.metrics.tolerance import REFERENCE
from edgeae.runtimes import load
from edgeae.runtimes.inference import run_shared
from edgeae.system.machine import cores

_C = "c-host"
#: Images on which the C is compared with the reference kernels, if no answers are known.
_COMPARED = 64
#: A run of fewer multiply-accumulates takes the reference kernels a few seconds, and less than
#: compiling the C.
_LONG = 2_000_000_000

#: Largest number of sessions of C, because each compiles its own.
_SESSIONS = 4

#: Prepared inputs (n, …) and the reference kernels' outputs for them.
Known = tuple[NDArray[Any], NDArray[Any]]


def run_reference(program: VerifiedArtifact, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return the outputs of the reference kernels, computed by them, on all cores.

    Args:
        program: a `.tflite`.
        inputs: (n, …), in the artifact's element type.

    Raises:
        BadInput: LiteRT refuses the file.
    """
    return run_shared(load(REFERENCE), program, inputs, cores())


def run_as_reference(
    program: VerifiedArtifact,
    inputs: NDArray[Any],
    known: Known | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> NDArray[Any]:
    """Return the outputs of the reference kernels, computed by C if that is faster.

    Args:
        program: a `.tflite`.
        inputs: (n, …), in the artifact's element type.
        known: answers of the reference kernels to compare the C with; None compares it on the first
            of the inputs.
        say: receives one line if C cannot be used for a long run.

    Raises:
        BadInput: LiteRT refuses the file.
    """
    artifact = program.artifact
    if artifact.output.grid is None or artifact.macs * len(inputs) < _LONG:
        return run_reference(program, inputs)
    if known is None:
        known = inputs[:_COMPARED], run_reference(program, inputs[:_COMPARED])
    try:
        return _by_c(program, inputs, known)
    except (NotMeasured, RuntimeUnavailable, OutOfTolerance) as error:
        say(f"{artifact.path}: the reference kernels run, which takes longer: {error}")
        return run_reference(program, inputs)


def _by_c(program: VerifiedArtifact, inputs: NDArray[Any], known: Known) -> NDArray[Any]:
    """Return the outputs of the generated C, computed on several cores.

    Raises:
        NotMeasured: C does not have an operator of the model.
        OutOfTolerance: its outputs are not those of the reference kernels.
        RuntimeUnavailable: there is no compiler.
    """
    asked, answers = known
    outputs = run_shared(
        load(_C), program, np.concatenate([asked, inputs]), min(cores(), _SESSIONS)
    )
    if not np.array_equal(outputs[: len(asked)], answers):
        raise OutOfTolerance("the generated C has other outputs, which is an error of edgeae")
    return outputs[len(asked) :]
