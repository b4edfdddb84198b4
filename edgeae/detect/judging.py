"""Judge reconstructions as an anomaly detector: pure functions over arrays."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.detect.answers import Reconstructed
from edgeae.detect.result import Flips, Histogram, Score, Share, Side
from edgeae.detect.rows import Chosen
from edgeae.errors import OutOfTolerance
from edgeae.metrics.binomial import clopper_pearson
from edgeae.metrics.detection import (
    Deviations,
    Rank,
    Scores,
    auc_drop,
    auc_estimate,
    errors_of,
    roc,
    threshold,
)

#: Intervals of a histogram, and the most points of a ROC curve.
_INTERVALS, _POINTS = 36, 120


@dataclass(frozen=True, eq=False)
class Scored:
    """One side's scores.

    Attributes:
        calm: (n,) scores of the rows that set the threshold.
        normal, anomalous: scores of the test rows of each kind.
        threshold: rows with a larger score are alarms.
        deviations: see `Side.deviations`.
    """

    calm: Scores
    normal: Scores
    anomalous: Scores
    threshold: float
    deviations: tuple[float, ...]

    @property
    def compared(self) -> Scores:
        """The scores that may change sides: those of the test, or of the threshold's rows."""
        tested = np.concatenate([self.normal, self.anomalous])
        return tested if len(tested) else self.calm


def score(found: Reconstructed, chosen: Chosen, kind: Score, rank: Rank) -> Scored | None:
    """Return the scores of one side; None if it has no reconstructions.

    Args:
        found: reconstructions of the threshold's rows, followed by those of the test rows.
        chosen: the rows.
        kind: `mse` or `standardized`.
        rank: which score is the threshold.

    Raises:
        OutOfTolerance: a score is NaN or infinite.
    """
    if found.rows is None:
        return None
    n = len(chosen.threshold)
    errors = errors_of(found.rows, np.concatenate([chosen.threshold, chosen.test]))
    calm, test, deviations = _scores(errors[:n], errors[n:], kind)
    split = (test[chosen.is_normal], test[~chosen.is_normal])
    return Scored(calm, *split, threshold(calm, rank), deviations)


def _scores(
    calm: NDArray[np.float64], test: NDArray[np.float64], kind: Score
) -> tuple[Scores, Scores, tuple[float, ...]]:
    if kind == "mse":
        return calm.mean(axis=1), test.mean(axis=1), ()
    known = Deviations.of(calm)
    return known.own_scores(calm), known.scores(test), tuple(known.columns.tolist())


def judge(
    found: Reconstructed, chosen: Chosen, kind: Score, rank: Rank, original: Scored | None
) -> tuple[Side, Scored | None]:
    """Return a side with all its figures, and its scores; see `score`.

    Args:
        found, chosen, kind, rank: see `score`.
        original: the original's scores; None if they are not known, or if this is the original.
    """
    try:
        scored = score(found, chosen, kind, rank)
    except OutOfTolerance as error:
        return replace(found.side, verdict="fail", reason=str(error)), None
    if scored is None:
        return found.side, None
    side = replace(
        found.side,
        threshold=scored.threshold,
        **_of_c(found, chosen, kind, rank, scored),
        deviations=scored.deviations,
        histogram=_histogram(scored),
        **_figures(scored),
    )
    return (side if original is None else _compared(side, scored, original)), scored


def _of_c(
    found: Reconstructed, chosen: Chosen, kind: Score, rank: Rank, scored: Scored
) -> dict[str, Any]:
    """Return the threshold of the generated C's sum of squared errors, and what it changes."""
    if kind != "mse" or found.steps is None:
        return {}
    wide: type[Any] = np.float64 if found.steps[0].dtype.kind == "f" else np.int64
    output, given = (array.reshape(len(array), -1).astype(wide) for array in found.steps)
    sums = np.square(output - given).sum(axis=1).astype(np.float64)
    n = len(chosen.threshold)
    level = threshold(sums[:n], rank)
    test = sums[n:]
    compared = np.concatenate([test[chosen.is_normal], test[~chosen.is_normal]])
    after = (compared if len(test) else sums[:n]) > level
    flips = _flips(scored.compared > scored.threshold, after)
    return {"score_threshold": level, "score_flips": flips}


def _figures(scored: Scored) -> dict[str, Any]:
    if not len(scored.normal) + len(scored.anomalous):
        return {}
    false = int(np.count_nonzero(scored.normal > scored.threshold))
    figures: dict[str, Any] = {"false_alarms": share(false, len(scored.normal))}
    if not len(scored.anomalous) or not len(scored.normal):
        return figures
    true = int(np.count_nonzero(scored.anomalous > scored.threshold))
    return figures | {
        "auc": auc_estimate(scored.normal, scored.anomalous),
        "recall": share(true, len(scored.anomalous)),
        "precision": share(true, true + false),
        "roc": roc(scored.normal, scored.anomalous, _POINTS),
    }


def share(count: int, n: int) -> Share | None:
    """Return a share with its exact interval; None of nothing."""
    return Share(count, n, count / n, *clopper_pearson(count, n)) if n else None


def _compared(side: Side, scored: Scored, original: Scored) -> Side:
    before = original.compared > original.threshold
    drop = None
    if len(scored.anomalous) and len(scored.normal):
        drop = auc_drop((original.normal, original.anomalous), (scored.normal, scored.anomalous))
    return replace(
        side,
        auc_drop=drop,
        flips=_flips(before, scored.compared > scored.threshold),
        flips_at_original=_flips(before, scored.compared > original.threshold),
    )


def _flips(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Flips:
    to_alarm, to_quiet = np.count_nonzero(after & ~before), np.count_nonzero(before & ~after)
    return Flips(int(to_alarm), int(to_quiet), len(before))


def _histogram(scored: Scored) -> Histogram:
    """Return how often scores occur, on a logarithmic scale, in intervals that all rows share."""
    tested = len(scored.normal) + len(scored.anomalous) > 0
    normal = scored.normal if tested else scored.calm
    every = np.concatenate([normal, scored.anomalous, [scored.threshold]])
    positive = every[every > 0]
    low, high = (positive.min(), positive.max()) if len(positive) else (1e-12, 1.0)
    if high < low * 1.1:
        low, high = low / 1.1, high * 1.1
    edges = np.geomspace(low, high, _INTERVALS + 1)
    return Histogram(
        tuple(edges.tolist()), _counts(normal, edges), _counts(scored.anomalous, edges)
    )


def _counts(scores: Scores, edges: NDArray[np.float64]) -> tuple[int, ...]:
    found, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)
    return tuple(found.tolist())
