"""Turns an artifact into the program that the runtimes of generated C compile."""

from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.codegen.program import Program, program
from edgeae.errors import BadInput, NotMeasured
from edgeae.formats.tflite import graph as tflite


def generated(artifact: VerifiedArtifact, layout: str, optimize: str = "speed") -> Program:
    """Return the program of a `.tflite`.

    Args:
        artifact: the file.
        layout: the layout of the weights, see `edgeae.codegen.targets`.
        optimize: `speed` or `size`.

    Raises:
        BadInput: the file is damaged.
        NotMeasured: C does not support the model; that is a row, and no failure of a file.
    """
    origin = str(artifact.path)
    graph = tflite.read(artifact.content, origin)
    try:
        return program(graph, origin, layout, optimize)
    except BadInput as error:
        raise NotMeasured(str(error)) from None
