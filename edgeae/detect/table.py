"""A detection as text."""

from edgeae.detect.result import Detection, Flips, Rows, Share, Side
from edgeae.metrics.detection import Estimate
from edgeae.recipe import REFERENCES
from edgeae.text.columns import align

HEADER = (
    *("detector", "runtime", "threshold", "false alarms", "recall", "precision", "AUC"),
    *("AUC drop", "flips", "at original's"),
)
_LEFT = 2
#: Explains the columns of changed sides.
FLIPS = (
    "flips: rows that are alarms only of the export (+) or only of the original (−), each with its "
    "own threshold; at original's: both with the original's"
)


def render(found: Detection) -> str:
    """Return the rows' description, the table, and a line for each absent side."""
    measured = [side for side in (found.original, *found.sides) if side.verdict == "measured"]
    lines = [f"{found.name}: {_scored(found)}", *rows_lines(found)]
    lines += ["", align([HEADER, *(cells(side) for side in measured)], left=_LEFT)]
    if any(side.flips for side in measured):
        lines.append(FLIPS)
    lines += [*surprises(found), *generated_c(found)]
    lines += [absence(side) for side in (found.original, *found.sides) if side not in measured]
    return "\n".join(lines)


def _scored(found: Detection) -> str:
    kind = "squared error of a row, mean over its values"
    if found.score == "standardized":
        kind += ", each divided by its column's deviation on the threshold rows"
    return f"score: {kind}; an alarm is a score above the threshold"


def rows_lines(found: Detection) -> list[str]:
    """Return what the threshold and the test are of, and which false-alarm rates they promise."""
    rank, tested = found.rank, found.test_rows
    lines = [
        f"threshold: number {rank.k:,} of {rank.n:,} scores, the largest first; "
        f"{found.threshold_rows.about}",
        f"  expected false-alarm rate {percent(rank.expected)} (asked: at most "
        f"{percent(found.false_alarms)}); the true rate is {percent(rank.low)} to "
        f"{percent(rank.high)} with 95 % confidence",
    ]
    if tested is None:
        return [*lines, "test: none; --test names rows to judge"]
    lines.append(f"test: {_counted(tested, found)}; {tested.about}")
    if found.predicted is not None:
        low, high = found.predicted
        lines.append(
            f"  {low:,} to {high:,} alarms are predicted of {tested.normal:,} fresh normal rows, "
            "with 95 % probability"
        )
    return lines


def surprises(found: Detection) -> list[str]:
    """Return a line for each side whose false alarms are not as predicted."""
    if found.predicted is None:
        return []
    low, high = found.predicted
    return [
        f"{side.name} on {side.runtime}: {alarms.count:,} false alarms are not among the predicted "
        f"{low:,} to {high:,}: the test rows differ from the threshold rows, or this is the one "
        "case in 20"
        for side in (found.original, *found.sides)
        if (alarms := side.false_alarms) is not None and not low <= alarms.count <= high
    ]


def generated_c(found: Detection) -> list[str]:
    """Return what the threshold of the generated C is, and which rows it decides otherwise."""
    runtime = REFERENCES["tflite"]
    sides = [side for side in found.sides if (side.format, side.runtime) == ("tflite", runtime)]
    return [
        f"generated C: NAME_SCORE_THRESHOLD is {side.score_threshold:.9g}; NAME_score calls "
        f"{_flips(side.score_flips)} of {side.score_flips.n:,} rows otherwise"
        for side in sides
        if side.score_threshold is not None and side.score_flips is not None
    ]


def _counted(tested: Rows, found: Detection) -> str:
    if found.label is None:
        return f"{tested.normal:,} rows, all taken as normal"
    labelled = f"label {found.label!r}, normal is {found.normal}"
    return f"{tested.normal:,} normal and {tested.anomalous:,} anomalous rows by {labelled}"


def absence(side: Side) -> str:
    """Return why a side has no figures."""
    runtime = "" if side.name == "original" else f" on {side.runtime}"
    return f"{side.name}{runtime}: {side.reason}"


def cells(side: Side) -> list[str]:
    """Return a measured side's row of the table."""
    return [
        side.name,
        side.runtime,
        "" if side.threshold is None else f"{side.threshold:.4g}",
        _count(side.false_alarms),
        _share(side.recall),
        _share(side.precision),
        estimate(side.auc),
        _drop(side.auc_drop),
        _flips(side.flips),
        _flips(side.flips_at_original),
    ]


def _count(found: Share | None) -> str:
    return "" if found is None else f"{found.count:,} of {found.n:,}, {percent(found.value)}"


def _share(found: Share | None) -> str:
    return "" if found is None else f"{found.value:.3f} [{found.low:.2f}, {found.high:.2f}]"


def estimate(found: Estimate | None) -> str:
    """Return a figure with its interval: `0.9912 [0.9850, 0.9951]`."""
    return "" if found is None else f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def _drop(found: Estimate | None) -> str:
    return "" if found is None else f"{found.value:+.4f}".replace("-", "−")


def _flips(found: Flips | None) -> str:
    return "" if found is None else f"+{found.to_alarm:,} −{found.to_quiet:,}"


def percent(share: float) -> str:
    """Return a share as a percentage with two digits, from 10 % with three: `0.013 %`, `16.7 %`."""
    return f"{share * 100:.{2 if share < 0.1 else 3}g} %"
