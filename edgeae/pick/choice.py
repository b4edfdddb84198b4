"""Choose the best bundle that meets some limits, or the nearest miss.

The best candidate meets every limit and has the lowest loss ratio, or the lowest loss if the
candidates are of several trained models that are compared with each other; of several with this
value, it is the one with the fewest bytes. If only loss and loss ratio are limited, it is the one
with the fewest bytes.
The nearest miss is the candidate whose largest excess, value ÷ limit − 1, is the smallest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

#: The limited bytes: those of the file, of the file after gzip -9, or the packed bytes.
Kind = Literal["packed", "raw", "gzip"]
KINDS: tuple[str, ...] = get_args(Kind)
BYTES, RATIO, LOSS = "bytes", "loss ratio", "loss"
INSTRUCTIONS, P50 = "instructions", "p50"
#: What the best candidate has least of.
Least = Literal["loss ratio", "loss"]
_INFINITE = float("inf")


@dataclass(frozen=True)
class Candidate:
    """A bundle, by one of its parts.

    Attributes:
        name: `model/recipe`.
        path: the bundle's path.
        file: name of the part's file in the bundle.
        loss: MSE of the export on the test images; None if it is not known.
        ratio: loss ÷ the reference's loss. The reference is the equal-budget control, or the
            float32 original if there is no control. None if it is not known.
        raw, gzip, packed: bytes; None if they are not known.
        p50_ns: p50 of one call; None if no runtime was given or it was not timed.
        machine: name of the machine of `p50_ns`; empty without it.
        verdict: verify's verdict: `pass`, `missing` or `fail`.
        instructions: those of one inference on the core of a sweep; None without one.
    """

    name: str
    path: str
    file: str
    loss: float | None
    ratio: float | None
    raw: int | None
    gzip: int | None
    packed: int | None
    p50_ns: float | None
    verdict: str
    instructions: int | None = None
    machine: str = ""

    def bytes(self, kind: Kind) -> int | None:
        """Return the candidate's bytes of one kind."""
        count: int | None = getattr(self, kind)
        return count


@dataclass(frozen=True)
class Limits:
    """The limits of a choice; None is no limit.

    Attributes:
        bytes: the largest allowed bytes, of the kind `kind`.
        loss_ratio, p50_ns, loss, instructions: the largest allowed values.
        kind: which bytes.
        least: what the best candidate has least of.
    """

    bytes: int | None = None
    loss_ratio: float | None = None
    p50_ns: float | None = None
    kind: Kind = "packed"
    loss: float | None = None
    instructions: int | None = None
    least: Least = "loss ratio"

    @property
    def loss_alone(self) -> bool:
        """Whether only loss and loss ratio are limited; the choice then minimises bytes."""
        held = (self.loss_ratio, self.loss) != (None, None)
        return held and (self.bytes, self.p50_ns, self.instructions) == (None, None, None)


@dataclass(frozen=True)
class Miss:
    """A limit that is not met.

    Attributes:
        what: `bytes`, `loss ratio`, `loss`, `instructions` or `p50`.
        value, limit: in bytes, as a ratio or an MSE, as a number, or in nanoseconds.
    """

    what: str
    value: float
    limit: float

    @property
    def excess(self) -> float:
        """The excess over the limit, as a share of the limit."""
        return self.value / self.limit - 1


@dataclass(frozen=True)
class Choice:
    """The result of a choice.

    Attributes:
        best: the best candidate that meets every limit; or None.
        nearest: the nearest miss if there is no best; None if no candidate could be judged.
        misses: the limits that the nearest miss exceeds, the largest excess first.
        judged: number of candidates that have every limited figure.
    """

    best: Candidate | None
    nearest: Candidate | None
    misses: tuple[Miss, ...]
    judged: int


def missing(candidate: Candidate, limits: Limits) -> str:
    """Return the figure that a candidate lacks to be judged; an empty string if it lacks none."""
    if candidate.bytes(limits.kind) is None and (limits.bytes is not None or limits.loss_alone):
        return BYTES
    held = _held(candidate, limits)
    return next((what for what, value, limit in held if limit is not None and value is None), "")


def pick(candidates: Iterable[Candidate], limits: Limits) -> Choice:
    """Choose among candidates; candidates that lack a limited figure are not considered."""
    judged = [item for item in candidates if not missing(item, limits)]
    fits = [item for item in judged if not _misses(item, limits)]
    if fits:
        return Choice(min(fits, key=lambda item: _rank(item, limits)), None, (), len(judged))
    near = min(judged, key=lambda item: (_misses(item, limits)[0].excess, item.name), default=None)
    misses = () if near is None else _misses(near, limits)
    return Choice(None, near, misses, len(judged))


def _misses(candidate: Candidate, limits: Limits) -> tuple[Miss, ...]:
    misses = [
        Miss(what, value, limit)
        for what, value, limit in _held(candidate, limits)
        if value is not None and limit is not None and value > limit
    ]
    return tuple(sorted(misses, key=lambda miss: -miss.excess))


def _held(candidate: Candidate, limits: Limits) -> Iterator[tuple[str, float | None, float | None]]:
    """Yield name, value and limit of each figure."""
    yield BYTES, candidate.bytes(limits.kind), limits.bytes
    yield RATIO, candidate.ratio, limits.loss_ratio
    yield LOSS, candidate.loss, limits.loss
    yield INSTRUCTIONS, candidate.instructions, limits.instructions
    yield P50, candidate.p50_ns, limits.p50_ns


def _rank(candidate: Candidate, limits: Limits) -> tuple[float, float, str]:
    loss = candidate.ratio if limits.least == RATIO else candidate.loss
    size_rank, loss_rank = (
        _INFINITE if value is None else value for value in (candidate.bytes(limits.kind), loss)
    )
    first, second = (size_rank, loss_rank) if limits.loss_alone else (loss_rank, size_rank)
    return first, second, candidate.name
