"""DEQUANTIZE: from integers to float32."""

import math
from collections.abc import Sequence

from edgeae.codegen.operands import has_grid
from edgeae.codegen.operation import Operation, scale, zero_point
from edgeae.codegen.operators.quantize import flip
from edgeae.codegen.step import Alias, Step


def known_types(operation: Operation) -> bool:
    """Int8, uint8 or int16 become float32."""
    types = operation.input().dtype, operation.output().dtype
    return types[0] in ("int8", "uint8", "int16") and types[1] == "float32"


def per_tensor(operation: Operation) -> bool:
    """The input has one scale above 0 and a zero point of its type."""
    return has_grid(operation.input())


CONSTRAINTS = (known_types, per_tensor)


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step; the products are rounded once to float32, as those of LiteRT."""
    source, wide = operation.input(), operation.input().dtype == "int16"
    members = {
        "size": math.prod(source.shape),
        "zero_point": zero_point(source) + (0 if wide else flip(source)),
        "scale": scale(source),
    }
    if not wide:
        members["flip"] = flip(source)
    return [
        Step(
            f"dequantize_{16 if wide else 8}",
            (operation.inputs[0],),
            operation.outputs[0],
            members,
            operator=operation.index,
        )
    ]
