"""The best bundle that meets some limits, or the nearest miss. Pure functions over candidates.

Among those that meet every limit the best is the one of the lowest loss ratio; of two alike, the
one of the fewest bytes. Where the loss is all that is limited it is the one of the fewest bytes.
The nearest miss is the one whose worst excess, value ÷ limit − 1, is the least.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

#: Which bytes are limited: of the file, of the file after gzip -9, or of an estimate of a packed
#: encoding.
Kind = Literal["packed", "raw", "gzip"]
KINDS: tuple[str, ...] = get_args(Kind)
BYTES, LOSS, P50 = "bytes", "loss ratio", "p50"
_INFINITE = float("inf")


@dataclass(frozen=True)
class Candidate:
    """A bundle, by one of its parts.

    Attributes:
        name: `model/recipe`.
        path: of the bundle.
        file: name of the part's file in it.
        loss: MSE of the export on the test images; None where it has none.
        ratio: loss ÷ the yardstick's: of the equal-budget control where there is one, else of the
            float32 original. None where that is not known.
        raw, gzip, packed: bytes; `packed` is None where the manifest does not tell.
        p50_ns: of one call; None where it was not asked for or not timed.
        verdict: what verify found: `pass`, `missing` or `fail`.
    """

    name: str
    path: str
    file: str
    loss: float | None
    ratio: float | None
    raw: int
    gzip: int
    packed: int | None
    p50_ns: float | None
    verdict: str

    def bytes(self, kind: Kind) -> int | None:
        """Return its bytes of one kind."""
        found: int | None = getattr(self, kind)
        return found


@dataclass(frozen=True)
class Limits:
    """What must be met; None is no limit.

    Attributes:
        bytes: the most, of the kind `kind`.
        loss_ratio, p50_ns: the most.
    """

    bytes: int | None = None
    loss_ratio: float | None = None
    p50_ns: float | None = None
    kind: Kind = "packed"

    @property
    def loss_alone(self) -> bool:
        """Whether only the loss is limited: then bytes are what is sought."""
        return self.loss_ratio is not None and self.bytes is None and self.p50_ns is None


@dataclass(frozen=True)
class Miss:
    """A limit that is not met.

    Attributes:
        what: `bytes`, `loss ratio` or `p50`.
        value, limit: in bytes, as a ratio, or in nanoseconds.
    """

    what: str
    value: float
    limit: float

    @property
    def excess(self) -> float:
        """By how much the limit is passed, as a share of it."""
        return self.value / self.limit - 1


@dataclass(frozen=True)
class Choice:
    """What came of it.

    Attributes:
        best: meets every limit; or None.
        nearest: the nearest miss where there is no best; None where nothing could be judged.
        misses: what the nearest misses, the worst first.
        judged: how many candidates could be judged.
    """

    best: Candidate | None
    nearest: Candidate | None
    misses: tuple[Miss, ...]
    judged: int


def missing(candidate: Candidate, limits: Limits) -> str:
    """Return the figure that it takes to judge a candidate and that is not known; or nothing."""
    if candidate.bytes(limits.kind) is None and (limits.bytes is not None or limits.loss_alone):
        return BYTES
    if candidate.ratio is None and limits.loss_ratio is not None:
        return LOSS
    return P50 if candidate.p50_ns is None and limits.p50_ns is not None else ""


def pick(candidates: Iterable[Candidate], limits: Limits) -> Choice:
    """Choose among candidates; those that lack a figure that is limited are not judged."""
    judged = [item for item in candidates if not missing(item, limits)]
    fits = [item for item in judged if not _misses(item, limits)]
    if fits:
        return Choice(min(fits, key=lambda item: _rank(item, limits)), None, (), len(judged))
    near = min(judged, key=lambda item: (_misses(item, limits)[0].excess, item.name), default=None)
    misses = () if near is None else _misses(near, limits)
    return Choice(None, near, misses, len(judged))


def _misses(candidate: Candidate, limits: Limits) -> tuple[Miss, ...]:
    held = (
        (BYTES, candidate.bytes(limits.kind), limits.bytes),
        (LOSS, candidate.ratio, limits.loss_ratio),
        (P50, candidate.p50_ns, limits.p50_ns),
    )
    found = [
        Miss(what, value, limit)
        for what, value, limit in held
        if value is not None and limit is not None and value > limit
    ]
    return tuple(sorted(found, key=lambda miss: -miss.excess))


def _rank(candidate: Candidate, limits: Limits) -> tuple[float, float, str]:
    size, ratio = candidate.bytes(limits.kind), candidate.ratio
    size_rank, ratio_rank = (_INFINITE if value is None else value for value in (size, ratio))
    first, second = (size_rank, ratio_rank) if limits.loss_alone else (ratio_rank, size_rank)
    return first, second, candidate.name
