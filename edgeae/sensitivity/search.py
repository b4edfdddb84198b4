"""How far down the family of allocations a model may go: found by fine-tuning a few of them."""

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeae.sensitivity.allocation import Member

#: One-sided 95 % of a normal distribution.
_SURE = 1.645
#: Share of the bytes that another fine-tuning could still save: below it, it is not worth its time.
_WORTH = 0.01
#: Fine-tuning leaves about this share of the loss that the layers add one by one: 0.030 to 0.038
#: over five allocations of `deep` on MNIST. Only the first guess depends on it.
_LEFT = 0.035
#: How much farther or nearer than the last a guess may be that nothing bounds.
_FARTHEST = 4.0
#: Share of the bracket's ends that a guess keeps away from.
_EDGE = 0.1


@dataclass(frozen=True)
class Trial:
    """A member of the family, fine-tuned, converted and measured on the validation images.

    Attributes:
        member: which.
        bytes: of the autoencoder, packed.
        loss: MSE of the `.tflite`.
        control: MSE of the equal-budget control.
        spread: standard deviation over the images of loss − limit × control.
        n: validation images.
        n_test: test images, on which the export will be judged.
        loss_scale: of the validation images, which stand in for the test images here: how many
            times a tolerance's added loss they allow; see `edgeae.metrics.loss.loss_scale`.
    """

    member: Member
    bytes: int
    loss: float
    control: float
    spread: float
    n: int
    n_test: int
    loss_scale: float = 1.0

    @property
    def ratio(self) -> float:
        """Loss ÷ control; infinite where the control has none."""
        return self.loss / self.control if self.control else math.inf

    @property
    def margin(self) -> float:
        """What the ratio on other images may be higher by, at 95 %.

        The difference of two means, over n and over n_test images that were drawn alike, has the
        standard error spread × √(1/n + 1/n_test).
        """
        error = self.spread * math.sqrt(1 / self.n + 1 / self.n_test)
        return _SURE * error / self.control if self.control else 0.0

    @property
    def bound(self) -> float:
        """The ratio that the export will most likely not exceed."""
        return self.ratio + self.margin

    def meets(self, limit: float) -> bool:
        """Tell whether the export can be expected to stay within a ratio."""
        return self.bound <= limit


def best(trials: Sequence[Trial], limit: float) -> Trial | None:
    """Return the trial of the fewest bytes that meets the limit."""
    found = [trial for trial in trials if trial.meets(limit)]
    return min(found, key=lambda trial: (trial.bytes, trial.bound), default=None)


def nearest_miss(trials: Sequence[Trial]) -> Trial:
    """Return the trial of the lowest bound."""
    return min(trials, key=lambda trial: trial.bound)


def search(
    members: Sequence[Member],
    limit: float,
    loss: float,
    measure: Callable[[Member], Trial],
    most: int,
) -> list[Trial]:
    """Measure members until the severest that meets the limit is known to 1 % of its bytes.

    What a member's fine-tuning leaves grows nearly in proportion to the loss that its layers add
    one by one, so that each guess is a straight line's; where the line misleads, the bracket
    still closes.

    Args:
        members: from the mildest to the severest; not empty.
        limit: of `Trial.bound`.
        loss: of the original.
        measure: fine-tunes and measures.
        most: trials at most; the last of them is the mildest member where none has met the limit.

    Returns:
        every trial, in order.
    """
    known: dict[int, Trial] = {}
    added = [member.added for member in members]
    while len(known) < most:
        passed = max((at for at, trial in known.items() if trial.meets(limit)), default=-1)
        failed = min((at for at in known if at > passed), default=len(members))
        if failed - passed <= 1 or _close(members, passed, failed):
            break
        if passed < 0 and len(known) == most - 1:
            at = 0
        else:
            guess = _guess(known, passed, failed, limit, loss, added)
            at = min(max(bisect.bisect_left(added, guess), passed + 1), failed - 1)
            at = _decisive(members, at, passed, failed)
        known[at] = measure(members[at])
    return list(known.values())


def _decisive(members: Sequence[Member], at: int, passed: int, failed: int) -> int:
    """Return the severest guess that still closes the bracket if it fails; or the guess itself."""
    near = [place for place in range(at, failed) if _close(members, passed, place)]
    return near[-1] if near else at


def _close(members: Sequence[Member], passed: int, failed: int) -> bool:
    if passed < 0 or failed == len(members):
        return False
    return members[passed].bytes - members[failed].bytes <= _WORTH * members[passed].bytes


def _guess(
    known: dict[int, Trial],
    passed: int,
    failed: int,
    limit: float,
    loss: float,
    added: Sequence[float],
) -> float:
    """Return the loss, added by the layers one by one, at which the limit would just be met."""
    room = max(limit - 1, 0.0)
    low, high = known.get(passed), known.get(failed)
    if low is not None and high is not None:
        rise = high.bound - low.bound
        part = (limit - low.bound) / rise if rise > 0 else 0.5
        part = min(max(part, _EDGE), 1 - _EDGE)
        return added[passed] + part * (added[failed] - added[passed])
    if high is not None:
        times = room / (high.bound - 1) if high.bound > 1 else 0.0
        return added[failed] * min(max(times, 1 / _FARTHEST), 1 - _EDGE)
    if low is not None:
        times = room / (low.bound - 1) if low.bound > 1 else math.inf
        return added[passed] * min(max(times, 1 + _EDGE), _FARTHEST)
    return room * loss / _LEFT
