"""Search for the severest allocation that meets a limit, by fine-tuning a few allocations."""

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeae.sensitivity.allocation import Member

#: One-sided 95 % quantile of the normal distribution.
_SURE = 1.645
#: The search ends when another fine-tuning could save at most this share of the bytes.
_WORTH = 0.01
#: Fine-tuning leaves about this share of the loss that the layers add one by one: 0.030 to 0.038
#: over five allocations of `deep` on MNIST. Only the first guess depends on it.
_LEFT = 0.035
#: Largest factor between a guess and the last trial while the bracket has only one end.
_FARTHEST = 4.0
#: Least distance of a guess from either end of the bracket, as a share of the bracket.
_EDGE = 0.1


@dataclass(frozen=True)
class Trial:
    """An allocation that was fine-tuned, converted and measured on the validation images.

    Attributes:
        member: the allocation.
        bytes: packed bytes of the autoencoder.
        loss: MSE of the `.tflite`.
        control: MSE of the equal-budget control.
        spread: standard deviation over the images of loss − limit × control.
        n: number of validation images.
        n_test: number of test images, on which the export will be judged.
        loss_scale: factor of a tolerance's added loss on the validation images; see
            `edgeae.metrics.loss.loss_scale`.
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
        """Loss ÷ control; infinite if the control's loss is 0."""
        return self.loss / self.control if self.control else math.inf

    @property
    def margin(self) -> float:
        """The one-sided 95 % margin of the ratio for other images.

        The difference of two means, over n and over n_test images from the same distribution, has
        the standard error spread × √(1/n + 1/n_test).
        """
        error = self.spread * math.sqrt(1 / self.n + 1 / self.n_test)
        return _SURE * error / self.control if self.control else 0.0

    @property
    def bound(self) -> float:
        """The ratio plus its margin: the export exceeds it with a probability of 5 %."""
        return self.ratio + self.margin

    def meets(self, limit: float) -> bool:
        """Return whether the bound is within a limit."""
        return self.bound <= limit


def best(trials: Sequence[Trial], limit: float) -> Trial | None:
    """Return the trial with the fewest bytes that meets the limit; None if no trial does."""
    meeting = [trial for trial in trials if trial.meets(limit)]
    return min(meeting, key=lambda trial: (trial.bytes, trial.bound), default=None)


def nearest_miss(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the lowest bound."""
    return min(trials, key=lambda trial: trial.bound)


def search(
    members: Sequence[Member],
    limit: float,
    loss: float,
    measure: Callable[[Member], Trial],
    most: int,
) -> list[Trial]:
    """Measure members until the severest that meets the limit is known to 1 % of its bytes.

    The loss after fine-tuning is nearly proportional to the loss that the layers add one by one;
    each guess is therefore a linear interpolation. The bracket closes even if a guess is wrong.

    Args:
        members: in ascending order of added loss; not empty.
        limit: the largest allowed `Trial.bound`.
        loss: MSE of the original.
        measure: fine-tunes and measures a member.
        most: the largest number of trials; if no other trial met the limit, the last trial is the
            mildest member.

    Returns:
        every trial, in order.
    """
    trials: dict[int, Trial] = {}
    added = [member.added for member in members]
    while len(trials) < most:
        passed = max((at for at, trial in trials.items() if trial.meets(limit)), default=-1)
        failed = min((at for at in trials if at > passed), default=len(members))
        if failed - passed <= 1 or _close(members, passed, failed):
            break
        if passed < 0 and len(trials) == most - 1:
            at = 0
        else:
            guess = _guess(trials, passed, failed, limit, loss, added)
            at = min(max(bisect.bisect_left(added, guess), passed + 1), failed - 1)
            at = _decisive(members, at, passed, failed)
        trials[at] = measure(members[at])
    return list(trials.values())


def _decisive(members: Sequence[Member], at: int, passed: int, failed: int) -> int:
    """Return the severest member from `at` on whose failure would end the search; else `at`."""
    near = [place for place in range(at, failed) if _close(members, passed, place)]
    return near[-1] if near else at


def _close(members: Sequence[Member], passed: int, failed: int) -> bool:
    if passed < 0 or failed == len(members):
        return False
    return members[passed].bytes - members[failed].bytes <= _WORTH * members[passed].bytes


def _guess(
    trials: dict[int, Trial],
    passed: int,
    failed: int,
    limit: float,
    loss: float,
    added: Sequence[float],
) -> float:
    """Return the estimated sum of the layers' added losses at which the limit is just met."""
    room = max(limit - 1, 0.0)
    low, high = trials.get(passed), trials.get(failed)
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
