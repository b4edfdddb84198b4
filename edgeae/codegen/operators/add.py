"""ADD and SUB: of two operands, which are broadcast."""

import math
from collections.abc import Sequence

from edgeae.codegen import operands
from edgeae.codegen.operation import Operation, activation_limits, scale, zero_point
from edgeae.codegen.rescale import quantize_multiplier
from edgeae.codegen.step import Alias, Member, Step
from edgeae.errors import BadInput

CONSTRAINTS = operands.CONSTRAINTS
#: Operands are multiplied by 2 to this power before they are rescaled.
_EXTRA_BITS = {"int8": 20, "int16": 15}
#: Multiplier and shift that leave an integer as it is.
_ONE = 1 << 30, 1


def lower(operation: Operation) -> Sequence[Step | Alias]:
    """Return one step."""
    dtype, sign = operation.output().dtype, -1 if operation.name == "SUB" else 1
    places = operands.order(operation, commutative=sign == 1)
    members = operands.loops(operation, places)
    if dtype == "float32":
        members |= {"sign": float(sign), **operands.float_limits(operation)}
    else:
        members |= {"sign": sign, **_rescales(operation, places)}
    return [
        Step(
            f"add_{dtype}",
            operands.inputs(operation, places),
            operation.outputs[0],
            members,
            in_place=operands.overwritable(operation, places[0]),
            operator=operation.index,
        )
    ]


def _rescales(operation: Operation, places: Sequence[int]) -> dict[str, Member]:
    target = operation.output()
    power = _power_of_two(operation)
    factors = _general(operation) if power is None else power
    first, second = (factors[place] for place in places)
    low, high = activation_limits(operation)
    return {
        "first_zero_point": zero_point(operation.input(places[0])),
        "first_multiplier": first[0],
        "first_shift": first[1],
        "second_zero_point": zero_point(operation.input(places[1])),
        "second_multiplier": second[0],
        "second_shift": second[1],
        "multiplier": factors[2][0],
        "shift": factors[2][1],
        "zero_point": zero_point(target),
        "low": low,
        "high": high,
    }


def _general(operation: Operation) -> list[tuple[int, int]]:
    """Return multipliers and shifts of both operands and of the sum, as `Prepare` of add.cc does.

    Raises:
        BadInput: LiteRT refuses the scales.
    """
    twice = 2 * max(scale(operation.input(0)), scale(operation.input(1)))
    last = twice / ((1 << _EXTRA_BITS[operation.output().dtype]) * scale(operation.output()))
    factors = [quantize_multiplier(scale(operation.input(place)) / twice) for place in (0, 1)]
    factors.append(quantize_multiplier(last))
    if last >= 1 or factors[2][1] > 0:
        raise BadInput(f"the output's scale {scale(operation.output())!r} is too small")
    return factors


def _power_of_two(operation: Operation) -> list[tuple[int, int]] | None:
    """Return the same where int16 scales are powers of 2, if the operator asks for it.

    Then the operand of the smaller scale is rounded to the output's scale before the sum. A
    product with 2^30 is exact here, so only the shift rounds.

    Raises:
        BadInput: LiteRT refuses the scales, or only adds tensors of one shape.
    """
    if operation.output().dtype != "int16" or not operation.options.get("potScaleInt16", True):
        return None
    powers = [_exponent(scale(tensor)) for tensor in operands.tensors(operation)]
    first, second, target = powers
    if first is None or second is None or target is None:
        return None
    shifts = first - target, second - target
    if min(shifts) < -15 or max(shifts) != 0:
        raise BadInput("int16 scales that are powers of 2: the larger one is not the output's")
    if operation.name == "ADD" and operation.input(0).shape != operation.input(1).shape:
        raise BadInput("int16 scales that are powers of 2: the operands have different shapes")
    return [(1 << 30, shift + 1 - _EXTRA_BITS["int16"]) for shift in shifts] + [_ONE]


def _exponent(real: float) -> int | None:
    """Return the power of 2 that a scale is, within a thousandth of its logarithm; None if not.

    Raises:
        BadInput: the last bits of LiteRT's float32 logarithm would decide.
    """
    power = math.log2(real)
    distance = abs(power - round(power))
    if abs(distance - 1e-3) < 1e-5:
        raise BadInput(f"the scale {real!r} is neither clearly a power of 2 nor clearly none")
    return round(power) if distance < 1e-3 else None
