"""A quantized graph's layers beside those of the float graph that it was made from."""

from collections.abc import Iterator

from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite import census
from edgeae.formats.tflite.graph import Graph, Operator


def paired(graph: Graph, original: Graph) -> Iterator[tuple[Operator, Operator]]:
    """Yield each operator with weights, and the one of the original.

    Raises:
        OutOfTolerance: the two graphs do not have the same operators.
    """
    for operator, other in zip(census.weighted(graph), census.weighted(original), strict=False):
        if operator.name != other.name:
            raise OutOfTolerance(f"{operator.name} is not {other.name} of the float model")
        yield operator, other
