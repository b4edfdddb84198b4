"""Operators: one module each, with its constraints and how it becomes steps.

A module has what portable C needs:

- `CONSTRAINTS`: functions of an `Operation` that return whether it is supported. The first line of
  a constraint's docstring is the error message and the line in the documentation's list.
- `lower(operation)`: returns the `Step`s or the `Alias` that compute the operator.

A target with kernels of its own has a layout (`edgeae.codegen.targets`): a module of
`edgeae.codegen.layouts` whose `lower(operation)` is asked first and returns None for an operator
that portable C computes. It is not asked if C is to be small and compressed weights are smaller.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from edgeae.codegen import folding, packing
from edgeae.codegen.operation import Operation
from edgeae.codegen.step import Alias, Step
from edgeae.codegen.targets import LAYOUTS
from edgeae.errors import BadInput

Constraint = Callable[[Operation], bool]

#: TFLite's operator → the module that supports it.
MODULES = {
    "ADD": "edgeae.codegen.operators.add",
    "AVERAGE_POOL_2D": "edgeae.codegen.operators.pooling",
    "BATCH_TO_SPACE_ND": "edgeae.codegen.operators.space_to_batch_nd",
    "CONCATENATION": "edgeae.codegen.operators.concatenation",
    "CONV_2D": "edgeae.codegen.operators.conv_2d",
    "DEPTHWISE_CONV_2D": "edgeae.codegen.operators.depthwise_conv_2d",
    "DEQUANTIZE": "edgeae.codegen.operators.dequantize",
    "ELU": "edgeae.codegen.operators.elu",
    "EXPAND_DIMS": "edgeae.codegen.operators.reshape",
    "FULLY_CONNECTED": "edgeae.codegen.operators.fully_connected",
    "HARD_SWISH": "edgeae.codegen.operators.hard_swish",
    "LEAKY_RELU": "edgeae.codegen.operators.leaky_relu",
    "LOGISTIC": "edgeae.codegen.operators.logistic",
    "MAX_POOL_2D": "edgeae.codegen.operators.pooling",
    "MEAN": "edgeae.codegen.operators.mean",
    "MUL": "edgeae.codegen.operators.mul",
    "PAD": "edgeae.codegen.operators.pad",
    "PADV2": "edgeae.codegen.operators.pad",
    "PRELU": "edgeae.codegen.operators.prelu",
    "QUANTIZE": "edgeae.codegen.operators.quantize",
    "RELU": "edgeae.codegen.operators.relu",
    "RELU6": "edgeae.codegen.operators.relu",
    "RELU_0_TO_1": "edgeae.codegen.operators.relu",
    "RELU_N1_TO_1": "edgeae.codegen.operators.relu",
    "RESHAPE": "edgeae.codegen.operators.reshape",
    "RESIZE_BILINEAR": "edgeae.codegen.operators.resize_bilinear",
    "RESIZE_NEAREST_NEIGHBOR": "edgeae.codegen.operators.resize_nearest_neighbor",
    "SOFTMAX": "edgeae.codegen.operators.softmax",
    "SPACE_TO_BATCH_ND": "edgeae.codegen.operators.space_to_batch_nd",
    "SPLIT": "edgeae.codegen.operators.split",
    "SQUEEZE": "edgeae.codegen.operators.reshape",
    "STRIDED_SLICE": "edgeae.codegen.operators.strided_slice",
    "SUB": "edgeae.codegen.operators.add",
    "TANH": "edgeae.codegen.operators.tanh",
    "TILE": "edgeae.codegen.operators.tile",
    "TRANSPOSE": "edgeae.codegen.operators.transpose",
    "TRANSPOSE_CONV": "edgeae.codegen.operators.transpose_conv",
}


class Operator(NamedTuple):
    """How one operator of TFLite is supported.

    Attributes:
        constraints: what must hold for an operator to be supported.
        lower: returns the steps of an operator in portable C.
    """

    constraints: Sequence[Constraint]
    lower: Callable[[Operation], Sequence[Step | Alias]]


def operator(name: str) -> Operator | None:
    """Return how an operator is supported; None if it is not."""
    if name not in MODULES:
        return None
    module = importlib.import_module(MODULES[name])
    return Operator(module.CONSTRAINTS, module.lower)


def lower(operation: Operation, layout: str, origin: str) -> Sequence[Step | Alias]:
    """Return the steps of an operator.

    Args:
        operation: the operator.
        layout: the layout of the weights, see `edgeae.codegen.targets`.
        origin: name of the file, for the error message.

    Raises:
        BadInput: the operator, or this use of it, is not supported.
    """
    place = f"{origin}: operator {operation.index}, {operation.name}"
    entry = operator(operation.name)
    if entry is None:
        supported = ", ".join(sorted(MODULES))
        limit = " but for shapes and constants" if operation.name in folding.RULES else ""
        raise BadInput(f"{place}: not supported in C{limit}; supported are {supported}")
    # scales of a damaged file may overflow on the way to a constraint that refuses them
    with np.errstate(all="ignore"):
        return _lowered(operation, entry, layout, place)


def _lowered(
    operation: Operation, entry: Operator, layout: str, place: str
) -> Sequence[Step | Alias]:
    for constraint in entry.constraints:
        try:
            holds = constraint(operation)
        except (IndexError, KeyError):
            holds = False  # an input, an output or an option is missing
        if not holds:
            raise BadInput(f"{place}: not supported in C: {message(constraint)}")
    try:
        return _chosen(operation, entry, layout)
    except BadInput as error:
        raise BadInput(f"{place}: not supported in C: {error}") from None
    except (IndexError, KeyError):
        raise BadInput(f"{place}: an input, an output or an option is missing") from None


def _chosen(operation: Operation, entry: Operator, layout: str) -> Sequence[Step | Alias]:
    """Return the steps by the layout's kernels, or by those of portable C.

    Compressed weights, for which layouts have no kernels, stay with portable C if C is to be small.
    """
    if layout not in LAYOUTS or operation.output().dtype != "int8":
        return entry.lower(operation)
    portable = entry.lower(operation) if operation.optimize == "size" else None
    if portable and any(map(_is_compressed, portable)):
        return portable
    own = _by_layout(operation, layout)
    if own is not None:
        return own
    return entry.lower(operation) if portable is None else portable


def _is_compressed(step: Step | Alias) -> bool:
    return isinstance(step, Step) and packing.is_packed(step.kernel)


def _by_layout(operation: Operation, layout: str) -> Sequence[Step | Alias] | None:
    """Return the steps by a layout's own kernels, all of int8, or None if it has no kernel."""
    try:
        steps: Sequence[Step | Alias] | None = importlib.import_module(LAYOUTS[layout]).lower(
            operation
        )
    except BadInput:  # of these kernels: portable C may still take the operator
        return None
    return steps


def supported(operation: Operation) -> bool:
    """Return whether an operator is supported."""
    entry = operator(operation.name)
    try:
        return entry is not None and all(item(operation) for item in entry.constraints)
    except (IndexError, KeyError):
        return False


def message(constraint: Constraint) -> str:
    """Return what a constraint asks for: the first line of its docstring, without the full stop."""
    return (constraint.__doc__ or "").strip().split("\n")[0].rstrip(".")
