"""Figures that need no timing: bytes, MACs, arena, instructions, loss, AUC, parity and others."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from edgeae.detect.answers import parts_of
from edgeae.detect.limits import judged
from edgeae.formats.inspection import inspect
from edgeae.gate.budget import Budget
from edgeae.gate.finding import Figure, Verdict
from edgeae.gate.on_core import FIGURES, OnCore
from edgeae.gate.sides import Pair, Side
from edgeae.timing.emulated import is_emulated
from edgeae.timing.instructions import count_artifact
from edgeae.verify.findings import read_findings


def exact_figures(pair: Pair, budget: Budget) -> list[Figure]:
    """Judge the figures of a pair that need no timing; return no figure without a baseline.

    Raises:
        BadInput: a file cannot be read.
        RuntimeUnavailable: the package that reads the file, or what emulates the core, is not
            installed.
        OutOfTolerance: an answer of the candidate is wrong, on an emulated core.
        NotMeasured: an emulated core cannot run a side.
    """
    if pair.baseline is None:
        return []
    on_core = OnCore(pair) if is_emulated(pair.runtime) else None
    names: tuple[str, ...] = budget.exact or (tuple(FIGURES) if on_core else ())
    figures = [_exact(name, pair, pair.baseline, budget, on_core) for name in names]
    if budget.max_loss_ratio is not None:
        figures.append(_loss(pair.candidate, pair.baseline, budget.max_loss_ratio))
    figures += _detection(pair, budget)
    if budget.parity and (pair.candidate.bundle is not None or on_core):
        figures.append(_parity(pair.candidate, pair.runtime))
    return figures


def _bytes(side: Side, pair: Pair) -> tuple[float, str]:
    return side.artifact.bytes, "B"


def _gzip_bytes(side: Side, pair: Pair) -> tuple[float, str]:
    return side.artifact.gzip_bytes, "B"


def _macs(side: Side, pair: Pair) -> tuple[float, str]:
    return side.artifact.macs, ""


def _operators(side: Side, pair: Pair) -> tuple[float, str]:
    return sum(op.count for op in side.artifact.ops), ""


def _arena(side: Side, pair: Pair) -> tuple[float | None, str]:
    return inspect(side.path).arena_bytes, "B"


def _instructions(side: Side, pair: Pair) -> tuple[float, str]:
    return count_artifact(side.path, pair.runtime, pair.threads).per_call, ""


#: Returns a figure of one side, None if its format does not have the figure; and the unit.
_Measure = Callable[[Side], tuple[float | None, str]]
_QUANTITIES: dict[str, Callable[[Side, Pair], tuple[float | None, str]]] = {
    "bytes": _bytes,
    "gzip_bytes": _gzip_bytes,
    "macs": _macs,
    "arena": _arena,
    "operators": _operators,
    "instructions": _instructions,
}
#: Two counts of one artifact differ by up to 0.05 % if an engine's code depends on addresses.
_INSTRUCTIONS_GROWTH = 1.001


def _measure(name: str, pair: Pair, on_core: OnCore | None) -> _Measure | None:
    """Return what measures a figure in the pair's runtime; None if only emulated cores have it."""
    if on_core and name in FIGURES:
        return partial(on_core.figure, name)
    quantity = _QUANTITIES.get(name)
    return quantity and (lambda side: quantity(side, pair))


def _exact(name: str, pair: Pair, baseline: Side, budget: Budget, on_core: OnCore | None) -> Figure:
    measure, limit = _measure(name, pair, on_core), budget.exact_growth
    if measure is None:
        told = f"{name}: only emulated cores have it, such as c-cortex-m4"
        return Figure(f"{name} ratio", "×", None, "missing", limit=limit, reason=told)
    if name == "instructions" and not on_core:
        limit = max(limit, _INSTRUCTIONS_GROWTH)
    old, unit = measure(baseline)
    # identical bytes have identical figures, and some figures are slow to count
    new = old if pair.is_identical else measure(pair.candidate)[0]
    figure = Figure(f"{name} ratio", "×", None, "missing", limit=limit, side_unit=unit)
    if new is None or old is None:
        return replace(figure, reason=f"{name}: not known for this format")
    figure = replace(figure, baseline=old, candidate=new)
    if old == 0:
        verdict: Verdict = "pass" if new == 0 else "fail"
        return replace(
            figure, verdict=verdict, reason="" if new == 0 else f"{name} {new:,.0f}, baseline 0"
        )
    ratio = new / old
    figure = replace(figure, value=ratio)
    sentence = f"{name} {new:,.0f}, baseline {old:,.0f}: ratio {ratio:.3f}"
    if ratio > limit:
        return replace(figure, verdict="fail", reason=f"{sentence}, budget {limit:.3f}")
    if ratio < 1 - budget.exact_saving:
        asked = f"{sentence}: a saving; record it with `edgeae baseline save --force`"
        verdict = "fail" if budget.on_saving == "fail" else "pass"
        return replace(figure, verdict=verdict, reason=asked)
    return replace(figure, verdict="pass")


def _loss(candidate: Side, baseline: Side, limit: float) -> Figure:
    figure = Figure("loss ratio", "×", None, "missing", limit=limit)
    if candidate.bundle is None or baseline.bundle is None:
        return replace(figure, reason="loss: a bare file has no loss; compare bundles")
    ours, theirs = candidate.bundle.manifest, baseline.bundle.manifest
    if ours.dataset["sha256"] != theirs.dataset["sha256"]:
        names = f"{ours.dataset['name']} and {theirs.dataset['name']}"
        return replace(
            figure, reason=f"loss: measured on other images than the baseline's loss ({names})"
        )
    if ours.loss is None or theirs.loss is None:
        return replace(figure, reason="loss: an encoder without a decoder has no loss")
    new, old = ours.loss.exported, theirs.loss.exported
    figure = replace(figure, baseline=old, candidate=new)
    if old <= 0:
        return replace(figure, reason="loss: the baseline's loss is 0")
    verdict: Verdict = "pass" if new / old <= limit else "fail"
    sentence = f"loss {new:.6f}, baseline {old:.6f}: ratio {new / old:.4f}, budget {limit:.4f}"
    reason = "" if verdict == "pass" else sentence
    return replace(figure, value=new / old, verdict=verdict, reason=reason)


def _detection(pair: Pair, budget: Budget) -> list[Figure]:
    """Return the judged figures of the candidate as an anomaly detector."""
    side, limits = pair.candidate, budget.detection
    if limits.is_empty:
        return []
    if side.bundle is None:
        told = "detection: only bundles are judged, by `edgeae detect`"
        return [Figure("AUC", "", None, "missing", reason=told)]
    if side.artifact.part != parts_of(side.bundle)[-1]:
        return []
    artifact = side.artifact
    found = judged(side.bundle, artifact.part, artifact.format, pair.runtime, limits)
    return [
        Figure(item.quantity, "", item.value, item.verdict, limit=item.limit, reason=item.reason)
        for item in found
    ]


def _parity(candidate: Side, runtime: str) -> Figure:
    figure = Figure("parity", "", None, "missing")
    if candidate.bundle is None:
        return replace(figure, reason="parity: only bundles are verified")
    artifact = candidate.artifact
    rows, _ = read_findings(candidate.bundle)
    mine = [
        row
        for row in rows
        if (row.part, row.format, row.runtime) == (artifact.part, artifact.format, runtime)
    ]
    if not mine:
        return replace(figure, reason="parity: not verified on this runtime; run `edgeae verify`")
    (row,) = mine
    if row.verdict == "pass":
        return replace(figure, verdict="pass")
    verdict: Verdict = "missing" if row.verdict == "unavailable" else "fail"
    return replace(figure, verdict=verdict, reason=f"parity: {'; '.join(row.reasons)}")
