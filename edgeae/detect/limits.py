"""Judge what `edgeae detect` measured by limits: for `edgeae verify` and for the gate."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edgeae.artifacts.bundle import MANIFEST, Bundle
from edgeae.detect.result import Side, read_detection
from edgeae.detect.table import estimate, percent
from edgeae.errors import NotMeasured, OutOfTolerance, about
from edgeae.metrics.tolerance import DetectionLimits
from edgeae.reading import typed

_RUN = "run `edgeae detect`"
#: Key of a limit → the name of its figure.
_QUANTITIES = {"min_auc": "AUC", "max_auc_drop": "AUC drop", "max_flips": "flips"}


@dataclass(frozen=True)
class Judged:
    """One figure of an export in one runtime, judged.

    Attributes:
        quantity: `AUC`, `AUC drop` or `flips`.
        value: the figure; None if it was not measured.
        limit: least AUC, or largest drop or share.
        verdict: `pass`, `fail` or `missing`.
        reason: why it is not `pass`, in one line.
    """

    quantity: str
    value: float | None
    limit: float
    verdict: Literal["pass", "fail", "missing"]
    reason: str = ""


@dataclass(frozen=True)
class Missed:
    """A limit of a recipe that an export misses, or that nobody measured.

    Attributes:
        line: what is wrong, in one line.
        code: the exit code.
    """

    line: str
    code: int


def judged(
    bundle: Bundle, part: str, format: str, runtime: str, limits: DetectionLimits
) -> list[Judged]:
    """Judge an artifact in a runtime by the bundle's `detect.json`; a figure for each limit.

    Raises:
        BadInput: `detect.json` is damaged.
    """
    found = read_detection(bundle)
    if found is None:
        return _missing(limits, f"not measured of this export; {_RUN}")
    side = found.side(part, format, runtime)
    if side is None:
        return _missing(limits, f"not measured on this runtime; {_RUN}")
    return list(_each(side, limits))


def limits_of(bundle: Bundle) -> list[Missed]:
    """Judge a bundle by the limits of its recipe, in each runtime that was measured.

    Returns:
        what is missed or not measured; empty if the recipe has no limits of a detector.

    Raises:
        BadInput: `detect.json` or the recipe in the manifest is damaged.
    """
    with about(bundle.shown / MANIFEST):
        asked = bundle.manifest.settings.get("detection")
        limits = typed.value(DetectionLimits | None, asked, "settings.detection")
    if limits is None or limits.is_empty:
        return []
    found = read_detection(bundle)
    sides = [side for side in found.sides if side.verdict != "unavailable"] if found else []
    if not sides:
        line = (
            f"{bundle.shown}: the recipe limits it as a detector, but nothing is measured; {_RUN}"
        )
        return [Missed(line, NotMeasured.code)]
    return [
        Missed(
            f"{bundle.shown}: {side.name} on {side.runtime}: {item.reason}",
            OutOfTolerance.code if item.verdict == "fail" else NotMeasured.code,
        )
        for side in sides
        for item in _each(side, limits)
        if item.verdict != "pass"
    ]


def _missing(limits: DetectionLimits, reason: str) -> list[Judged]:
    return [
        Judged(quantity, None, limit, "missing", f"{quantity}: {reason}")
        for key, quantity in _QUANTITIES.items()
        if (limit := getattr(limits, key)) is not None
    ]


def _each(side: Side, limits: DetectionLimits) -> Iterator[Judged]:
    """Yield a judged figure for each limit."""
    if side.verdict != "measured":
        verdict: Literal["missing", "fail"] = "fail" if side.verdict == "fail" else "missing"
        for item in _missing(limits, side.reason):
            yield Judged(item.quantity, None, item.limit, verdict, item.reason)
        return
    no_auc = f"no AUC without anomalous rows; {_RUN} with --label"
    no_original = f"there is no original to compare with; {_RUN} where it is"
    drop, flips = side.auc_drop, side.flips
    if limits.min_auc is not None:
        told, limit = estimate(side.auc), limits.min_auc
        auc = None if side.auc is None else side.auc.value
        yield _against("AUC", auc, limit, told, f"{limit:g}", no_auc, least=True)
    if limits.max_auc_drop is not None:
        why = no_original if side.auc is not None else no_auc
        limit, value = limits.max_auc_drop, None if drop is None else drop.value
        yield _against("AUC drop", value, limit, estimate(drop), f"{limit:g}", why)
    if limits.max_flips is not None:
        told = f"{flips.to_alarm + flips.to_quiet:,} of {flips.n:,} rows" if flips else ""
        share, limit = flips.share if flips else None, limits.max_flips
        yield _against("flips", share, limit, told, percent(limit), no_original)


def _against(
    quantity: str,
    value: float | None,
    limit: float,
    told: str,
    allowed: str,
    why: str,
    least: bool = False,
) -> Judged:
    if value is None:
        return Judged(quantity, None, limit, "missing", f"{quantity}: {why}")
    if value < limit if least else value > limit:
        return Judged(quantity, value, limit, "fail", f"{quantity} {told}, budget {allowed}")
    return Judged(quantity, value, limit, "pass")
