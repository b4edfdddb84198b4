"""LOGISTIC: the sigmoid, by a table."""

import math
from collections.abc import Sequence

import numpy as np

from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.step import ELEMENTWISE, Alias, Constant, Step


def int8_edges(operation: Operation) -> bool:
    """Input and output are int8."""
    return operation.input().dtype == operation.output().dtype == "int8"


CONSTRAINTS = (int8_edges,)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    source, target = operation.input(), operation.output()
    values = np.arange(-128, 128)
    real = (values - zero_point(source)).astype(np.float32) * np.float32(scale(source))
    sigmoid = (1 / (1 + np.exp(-real.astype(np.float64)))).astype(np.float32)
    steps = np.round(sigmoid.astype(np.float64) / scale(target)) + zero_point(target)
    return [
        Step(
            "table_int8",
            (operation.inputs[0],),
            operation.outputs[0],
            {
                "table": Constant("table", np.clip(steps, -128, 127).astype(np.int8)),
                "size": math.prod(source.shape),
            },
            in_place=True,
            band=ELEMENTWISE,
            operator=operation.index,
        )
    ]
