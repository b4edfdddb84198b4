"""Render the choice of `edgeae pick`."""

from dataclasses import asdict
from typing import Any

from edgeae.pick.choice import (
    BYTES,
    INSTRUCTIONS,
    LOSS,
    P50,
    RATIO,
    Candidate,
    Choice,
    Limits,
    Miss,
)
from edgeae.text.amounts import short_duration
from edgeae.text.columns import align


def render(choice: Choice, limits: Limits, runtime: str | None) -> str:
    """Return the figures of the best bundle, or of the nearest miss if there is no best."""
    item = choice.best or choice.nearest
    assert item is not None, "nothing was judged"
    sizes = {kind: getattr(item, kind) for kind in ("packed", "raw", "gzip")}
    rows = [("path", item.path, ""), ("file", item.file, "")]
    for kind, size in sizes.items():
        text = "not known" if size is None else f"{size:,} B"
        rows.append((kind, text, _limit(BYTES, limits.bytes if kind == limits.kind else None)))
    ratio = "not known" if item.ratio is None else f"{item.ratio:.4f}"
    rows.append((RATIO, ratio, _limit(RATIO, limits.loss_ratio)))
    if item.loss is not None:
        rows.append(("test MSE", f"{item.loss:.6f}", _limit(LOSS, limits.loss)))
    if item.instructions is not None:
        limit = _limit(INSTRUCTIONS, limits.instructions)
        rows.append((INSTRUCTIONS, f"{item.instructions:,}", limit))
    if runtime is not None:
        text = "not timed"
        if item.p50_ns is not None:
            text = f"{short_duration(item.p50_ns)} on {runtime}, {item.machine}"
        rows.append(("p50", text, _limit(P50, limits.p50_ns)))
    rows.append(("verify", "not verified" if item.verdict == "missing" else item.verdict, ""))
    head = item.name if choice.best else f"{item.name}, the nearest miss"
    return "\n".join([head, *(f"  {line}" for line in align(rows, 3).splitlines())])


def said(choice: Choice, limits: Limits) -> str:
    """Return a line with the limits that the nearest miss exceeds, and the excesses."""
    assert choice.nearest is not None, "nothing was judged"
    misses = "; ".join(_miss(miss, limits) for miss in choice.misses)
    among = "the only one does not meet" if choice.judged == 1 else f"none of {choice.judged} meets"
    return f"{among} the limits; the nearest is {choice.nearest.name}: {misses}"


def to_json(choice: Choice, limits: Limits, part: str, runtime: str | None) -> dict[str, Any]:
    """Return the choice as JSON types."""
    misses = [{**asdict(miss), "excess": miss.excess} for miss in choice.misses]
    return {
        "best": _plain(choice.best),
        "nearest": _plain(choice.nearest),
        "misses": misses,
        "judged": choice.judged,
        "limits": {**asdict(limits), "part": part, "runtime": runtime},
    }


def _plain(item: Candidate | None) -> dict[str, Any] | None:
    return None if item is None else asdict(item)


def _miss(miss: Miss, limits: Limits) -> str:
    what = f"{limits.kind} bytes" if miss.what == BYTES else miss.what
    value, limit = _amount(miss.what, miss.value), _amount(miss.what, miss.limit)
    more = _amount(miss.what, miss.value - miss.limit)
    return f"{what} {value}, over {limit} by {more} ({miss.excess * 100:.3g} %)"


def _limit(what: str, limit: float | None) -> str:
    return "" if limit is None else f"limit {_amount(what, limit)}"


def _amount(what: str, value: float) -> str:
    if what in (BYTES, INSTRUCTIONS):
        return f"{value:,.0f} B" if what == BYTES else f"{value:,.0f}"
    if what in (RATIO, LOSS):
        return f"{value:.4f}" if what == RATIO else f"{value:.6f}"
    return short_duration(value)
