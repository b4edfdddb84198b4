"""The rules by which families for rows of any width choose the code and the hidden widths."""

import math
from collections.abc import Callable
from dataclasses import dataclass

#: The largest code of a rule.
_LARGEST = 4_096
#: Least and most units of a hidden layer of `dense`.
_FEWEST, _MOST = 16, 512
#: Samples of a signal per value of the code.
_SAMPLES_PER_VALUE = 8
#: Factor by which each convolution of `conv1d` shortens a signal.
STRIDE = 4
#: Convolutions are added until a signal has at most this many steps.
_STEPS = 16
#: Channels of the first convolution, and of the others.
_CHANNELS = (16, 32)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """How a family chooses what the user does not.

    Attributes:
        about: the rule in one line.
        code: shape of a row → number of values of the code.
        hidden: shape of a row, and the code's number of values → the hidden widths.
    """

    about: str
    code: Callable[[Shape], int]
    hidden: Callable[[Shape, int], tuple[int, ...]]


def _quarter(shape: Shape) -> int:
    width = math.prod(shape)
    return max(1, min(-(-width // 4), width - 1, _LARGEST))


def _one_wide(shape: Shape, code: int) -> tuple[int, ...]:
    return (max(min(4 * math.prod(shape), _MOST), _FEWEST, 2 * code),)


def _eighth(shape: Shape) -> int:
    return max(1, min(math.prod(shape) // _SAMPLES_PER_VALUE, _LARGEST))


def _convolutions(shape: Shape, code: int) -> tuple[int, ...]:
    del code
    steps, channels = -(-shape[0] // STRIDE), [_CHANNELS[0]]
    while steps > _STEPS:
        steps = -(-steps // STRIDE)
        channels.append(_CHANNELS[1])
    return tuple(channels)


#: A quarter of the principal components of a standardised table has most of its variance: of
#: scikit-learn's wine 74 %, of breast-cancer 93 %, of digits 73 %. A hidden layer passes a code on
#: if it has two units per value: see `training/starting.py`.
DENSE = Rule(
    f"code: a quarter of the row's values; hidden: one layer of four times the row's values, from "
    f"{_FEWEST} to {_MOST} units, but two or more per value of the code",
    _quarter,
    _one_wide,
)
#: A signal that is sampled well has far fewer degrees of freedom than samples.
CONV1D = Rule(
    f"code: an eighth of the row's values; hidden: convolutions of stride {STRIDE} until "
    f"{_STEPS} steps or fewer are left, of {_CHANNELS[0]} channels, then {_CHANNELS[1]}",
    _eighth,
    _convolutions,
)
