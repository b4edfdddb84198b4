"""Refuses models whose operators do not fit together, as those of damaged files."""

import math
from collections.abc import Sequence

import numpy as np

from edgeae.codegen.operation import Operation
from edgeae.codegen.step import C_TYPES, Alias, Constant, Member, Step
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Graph, Tensor

_LARGEST = float(np.finfo(np.float32).max)


def check(
    graph: Graph, operations: Sequence[Operation], steps: Sequence[Step | Alias], origin: str
) -> None:
    """Refuse a model in which a tensor is read before it is written, or is written twice.

    Args:
        graph: the model, with one input and one output.
        operations: its operators that are not computed at generation time.
        steps: what computes them.
        origin: name of the file, for errors.

    Raises:
        BadInput: the model is such a one; or its output does not depend on its input; or a scale,
            a zero point or a size is none that its element type has; or a constant is not finite.
    """
    (source,), (target,) = graph.inputs.values(), graph.outputs.values()
    for index in (source, target):
        _check_edge(graph.tensors[index], origin)
    written = {source}
    for item in operations:
        place = f"{origin}: operator {item.index}, {item.name}"
        for index in item.inputs + item.outputs:
            if index >= 0 and not _is_possible(graph.tensors[index]):
                name = graph.tensors[index].name
                raise BadInput(f"{place}: scale, zero point or size of {name!r:.60}: not allowed")
        if not written.issuperset(item.activations()):
            raise BadInput(f"{place}: reads what no operator before it writes")
        if not written.isdisjoint(item.outputs) or not item.outputs:
            raise BadInput(f"{place}: writes what is written before, or nothing")
        written |= set(item.outputs)
    if target not in written - {source}:
        raise BadInput(f"{origin}: no operator writes the output")
    if not any(source in item.activations() for item in operations):
        raise BadInput(f"{origin}: no operator reads the input")
    _check_finite(steps, graph, origin)


def _check_finite(steps: Sequence[Step | Alias], graph: Graph, origin: str) -> None:
    """Refuse infinite numbers and NaN, which not every compiler reads in C99."""
    for step in steps:
        given = (*step.members.values(), *step.inputs) if isinstance(step, Step) else ()
        if not all(_is_finite(item) for item in given):
            name = graph.operators[step.operator].name
            raise BadInput(f"{origin}: operator {step.operator}, {name}: a constant is not finite")


def _is_finite(item: Member) -> bool:
    if isinstance(item, Constant):
        return item.values.dtype.kind != "f" or bool(np.isfinite(item.values).all())
    return not isinstance(item, float) or abs(item) <= _LARGEST


def _check_edge(tensor: Tensor, origin: str) -> None:
    if tensor.data is not None:
        raise BadInput(f"{origin}: its input or output is a constant")
    if tensor.dtype not in C_TYPES or 0 in tensor.shape:
        raise BadInput(f"{origin}: an input or output of {tensor.dtype}, {tensor.shape}")


def _is_possible(tensor: Tensor) -> bool:
    """Return whether scales are above 0, zero points of the element type, and the size of 31 bits.

    An index of a tensor is an int32_t in C.
    """
    width = np.dtype(tensor.dtype).itemsize if tensor.dtype in C_TYPES else 1
    if math.prod(tensor.shape) * width > np.iinfo(np.int32).max:
        return False
    if not tensor.scales or tensor.dtype not in ("int8", "uint8", "int16"):
        return True
    limits = np.iinfo(tensor.dtype)
    return min(tensor.scales) > 0 and all(
        limits.min <= item <= limits.max for item in tensor.zero_points
    )
