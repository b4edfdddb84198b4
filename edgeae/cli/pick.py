"""`edgeae pick`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.output import Build, Json, finish, put, put_json, say

if TYPE_CHECKING:
    from edgeae.pick.choice import Candidate, Limits

#: Largest number of bundles that a line names.
_TOLD = 4


def pick(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models, by name or folder [default: all].")
    ] = None,
    max_bytes: Annotated[
        str | None,
        typer.Option(help="Largest size in bytes: 32k, 1.5M; k is 1,024, M is 1,024 k."),
    ] = None,
    bytes_: Annotated[
        str,
        typer.Option(
            "--bytes",
            help="How bytes are counted: packed, the size in flash with every weight tensor in its "
            "smallest form; raw or gzip, the file's size.",
        ),
    ] = "packed",
    max_loss_ratio: Annotated[
        float | None,
        typer.Option(
            help="Largest loss ÷ reference loss: the equal-budget control's, or the original's."
        ),
    ] = None,
    max_p50: Annotated[
        str | None,
        typer.Option(help="Largest median latency of one example: 800ns, 5us, 1.5ms."),
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="Runtime of --max-p50, timed by edgeae bench.")
    ] = None,
    part: Annotated[
        str, typer.Option(help="Part whose bytes and p50 count: autoencoder, encoder or decoder.")
    ] = "autoencoder",
    build: Build = "build",
    json: Json = False,
) -> None:
    """Find the best bundle that meets all limits: the one with the lowest loss ratio.

    If --max-loss-ratio is the only limit, the smallest bundle is picked. Of two bundles with equal
    ratios, the smaller one is picked. A bundle that verify found out of tolerance is never picked.
    If no bundle meets the limits, the nearest miss is printed, and the exit code is 1. The nearest
    miss is the bundle whose largest excess, value ÷ limit, is smallest.
    """
    from edgeae.pick.candidates import candidates
    from edgeae.pick.choice import pick as choose
    from edgeae.pick.table import render, said, to_json

    limits = _limits(max_bytes, bytes_, max_loss_ratio, max_p50, runtime, part)
    bundles = candidates(Path(build), models or [], part, runtime)
    bench = f"edgeae bench --runtime {runtime} --part {part}"
    bench += "" if build == "build" else f" --build {build}"
    chosen = choose(_judged(bundles, limits, bench, part), limits)
    if json:
        put_json(to_json(chosen, limits, part, runtime))
    else:
        put(render(chosen, limits, runtime))
    if chosen.best is None:
        say(f"edgeae: {said(chosen, limits)}")
    finish(0 if chosen.best is not None else 1)


def _limits(
    max_bytes: str | None,
    kind: str,
    max_loss_ratio: float | None,
    max_p50: str | None,
    runtime: str | None,
    part: str,
) -> Limits:
    """Check every option before any file is read."""
    from typing import cast

    from edgeae.errors import BadInput
    from edgeae.pick.choice import KINDS, Kind, Limits
    from edgeae.recipe import PARTS
    from edgeae.runtimes import formats
    from edgeae.text.amounts import parse_bytes, parse_duration

    if max_bytes is None and max_loss_ratio is None and max_p50 is None:
        raise BadInput("no limit: give --max-bytes, --max-loss-ratio, --max-p50, or several")
    if kind not in KINDS:
        raise BadInput(f"--bytes {kind}: allowed are {', '.join(KINDS)}")
    if part not in PARTS:
        raise BadInput(f"--part {part}: allowed are {', '.join(PARTS)}")
    if max_loss_ratio is not None and not 0 < max_loss_ratio < math.inf:
        raise BadInput(f"--max-loss-ratio {max_loss_ratio:g}: allowed is above 0, and finite")
    if runtime is not None:
        formats(runtime)  # raises if the runtime does not exist
    elif max_p50 is not None:
        raise BadInput(f"--max-p50 {max_p50}: needs --runtime, such as --runtime litert-xnnpack")
    return Limits(
        bytes=None if max_bytes is None else parse_bytes("--max-bytes", max_bytes),
        loss_ratio=max_loss_ratio,
        p50_ns=None if max_p50 is None else parse_duration("--max-p50", max_p50),
        kind=cast(Kind, kind),
    )


def _judged(
    bundles: tuple[Candidate, ...], limits: Limits, bench: str, part: str
) -> list[Candidate]:
    """Return the bundles that can be picked, and print a line about the others.

    Raises:
        NotMeasured: no bundle can be picked.
    """
    from edgeae.errors import NotMeasured
    from edgeae.pick.choice import missing

    if not bundles:
        raise NotMeasured(f"no bundle holds the part {part}; `edgeae export` makes them")
    reasons = {
        "p50": f"not timed: `{bench}`",
        "bytes": "packed bytes not known: `edgeae export --force`, or --bytes raw",
        "loss ratio": "no loss to compare",
    }
    kept: list[Candidate] = []
    left: dict[str, list[str]] = {}
    for item in bundles:
        lacks = missing(item, limits)
        if item.verdict == "fail":
            left.setdefault("out of tolerance in `edgeae verify`", []).append(item.name)
        elif lacks:
            left.setdefault(reasons[lacks], []).append(item.name)
        else:
            kept.append(item)
    lines = [f"{_names(names)}: {reason}" for reason, names in left.items()]
    if not kept:
        raise NotMeasured(f"nothing to pick from: {'; '.join(lines)}")
    for line in lines:
        say(f"left out: {line}")
    return kept


def _names(names: list[str]) -> str:
    more = len(names) - _TOLD
    return ", ".join(names[:_TOLD]) + (f" and {more} more" if more > 0 else "")
