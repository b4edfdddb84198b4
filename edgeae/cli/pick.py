"""`edgeae pick`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.output import Build, Json, finish, put, put_json, say

if TYPE_CHECKING:
    from edgeae.pick.choice import Candidate, Choice, Limits

_USUAL_BUILD = "build"
#: Ending of a sweep's file.
_JSON = ".json"
#: Largest number of bundles that a line names.
_TOLD = 4


def pick(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models, by name or folder; or a sweep's file, build/sweeps/NAME.json "
            "[default: all models]."
        ),
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
    max_loss: Annotated[
        float | None, typer.Option(help="Largest loss: MSE of the export on the test rows.")
    ] = None,
    max_instructions: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Most instructions on the core of the sweep: only for its file.",
        ),
    ] = None,
    max_p50: Annotated[
        str | None,
        typer.Option(help="Largest median latency of one example: 800ns, 5us, 1.5ms."),
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="Runtime of --max-p50, timed by edgeae bench.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Machine of --max-p50, by the name of its worker or host, if several were timed.",
        ),
    ] = None,
    part: Annotated[
        str, typer.Option(help="Part whose bytes and p50 count: autoencoder, encoder or decoder.")
    ] = "autoencoder",
    data: Annotated[
        str | None, typer.Option(help="Dataset of the sweep, if it has several.")
    ] = None,
    build: Build = _USUAL_BUILD,
    json: Json = False,
) -> None:
    """Find the best bundle that meets all limits: the one with the lowest loss ratio.

    Among the cells of a sweep, it is the one with the lowest loss. If only losses are limited, the
    smallest bundle is picked. Of two bundles with equal losses, the smaller one is picked. A bundle
    that verify found out of tolerance is never picked. If no bundle meets the limits, the nearest
    miss is printed, and the exit code is 1. The nearest miss is the bundle whose largest excess,
    value ÷ limit, is smallest.
    """
    from edgeae.pick.choice import pick as choose

    names = models or []
    of_sweep = any(name.endswith(_JSON) for name in names)
    if of_sweep:
        _check_sweep(names, bytes_, runtime, on, part)
    else:
        _check_alone(max_instructions, data, max_p50, runtime)
    limits = _limits(
        max_bytes, bytes_, max_loss_ratio, max_p50, runtime, part, max_loss, max_instructions
    )
    if of_sweep:
        limits = replace(limits, least="loss")
        chosen, runtime = _of_sweep(Path(names[0]), Path(build), data, limits)
    else:
        chosen = choose(_of_build(build, names, part, runtime, on, limits), limits)
    _show(chosen, limits, part, runtime, json)


def _show(chosen: Choice, limits: Limits, part: str, runtime: str | None, json: bool) -> None:
    from edgeae.pick.table import render, said, to_json

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
    max_loss: float | None,
    max_instructions: int | None,
) -> Limits:
    """Check every option before any file is read."""
    from typing import cast

    from edgeae.errors import BadInput
    from edgeae.pick.choice import KINDS, Kind, Limits
    from edgeae.recipe import PARTS
    from edgeae.runtimes import formats
    from edgeae.text.amounts import parse_bytes, parse_duration

    if {max_bytes, max_loss_ratio, max_p50, max_loss, max_instructions} == {None}:
        raise BadInput(
            "no limit: give --max-bytes, --max-loss-ratio, --max-loss, --max-p50, or several"
        )
    if kind not in KINDS:
        raise BadInput(f"--bytes {kind}: allowed are {', '.join(KINDS)}")
    if part not in PARTS:
        raise BadInput(f"--part {part}: allowed are {', '.join(PARTS)}")
    for option, value in (("--max-loss-ratio", max_loss_ratio), ("--max-loss", max_loss)):
        if value is not None and not 0 < value < math.inf:
            raise BadInput(f"{option} {value:g}: allowed is above 0, and finite")
    if runtime is not None:
        formats(runtime)  # raises if the runtime does not exist
    return Limits(
        bytes=None if max_bytes is None else parse_bytes("--max-bytes", max_bytes),
        loss_ratio=max_loss_ratio,
        p50_ns=None if max_p50 is None else parse_duration("--max-p50", max_p50),
        kind=cast(Kind, kind),
        loss=max_loss,
        instructions=max_instructions,
    )


def _check_alone(
    max_instructions: int | None, data: str | None, max_p50: str | None, runtime: str | None
) -> None:
    """Refuse what only a sweep's file has or says."""
    from edgeae.errors import BadInput

    for option, value in (("--max-instructions", max_instructions), ("--data", data)):
        if value is not None:
            raise BadInput(f"{option} {value}: allowed with a sweep's file, build/sweeps/NAME.json")
    if max_p50 is not None and runtime is None:
        raise BadInput(f"--max-p50 {max_p50}: needs --runtime, such as --runtime litert-xnnpack")


def _check_sweep(
    models: list[str], kind: str, runtime: str | None, on: str | None, part: str
) -> None:
    """Refuse what a sweep's file does not have."""
    from edgeae.errors import BadInput

    if len(models) > 1:
        raise BadInput(f"{' '.join(models)}: allowed is one sweep's file, without models")
    if part != "autoencoder":
        raise BadInput(f"--part {part}: a sweep has the bytes of the autoencoder")
    if kind == "gzip":
        raise BadInput("--bytes gzip: a sweep has packed and raw")
    for option, value in (("--runtime", runtime), ("--on", on)):
        if value is not None:
            raise BadInput(f"{option} {value}: the sweep's file says it, under [evaluate]")


def _of_sweep(
    path: Path, build: Path, data: str | None, limits: Limits
) -> tuple[Choice, str | None]:
    """Choose among the cells of a sweep that are done; also return the runtime of their p50."""
    from edgeae.errors import NotMeasured
    from edgeae.sweep import candidates as sweeps

    sweep = sweeps.read_on(path, data)
    cells = sweep.cells
    hosts = sorted({cell.host for cell in cells if cell.host})
    if len(hosts) > 1:
        say(f"p50s are those of {len(hosts)} machines ({', '.join(hosts)}), which do not compare")
    hashes = {cell.name: cell.sha256 for cell in cells}
    others = sweeps.not_done(cells)
    if others:
        say(f"left out: cells that are not done: {others}")
    found = sweeps.candidates(cells, sweeps.build_of(path, build, Path(_USUAL_BUILD)))
    if not found:
        raise NotMeasured(f"{path}: nothing to pick from: no cell is done")
    untimed = "not timed: the sweep has no [evaluate] runtime"
    chosen, refused = sweeps.choose(_judged(found, limits, untimed, ""), limits, hashes)
    _tell(refused, chosen.judged)
    return chosen, sweep.evaluate["runtime"] or None


def _of_build(
    build: str, models: list[str], part: str, runtime: str | None, on: str | None, limits: Limits
) -> list[Candidate]:
    """Return the bundles of a build that can be picked."""
    from edgeae.errors import BadInput
    from edgeae.pick.candidates import candidates

    if on is not None and runtime is None:
        raise BadInput(f"--on {on}: needs --runtime, such as --runtime litert-xnnpack")
    bundles = candidates(Path(build), models, part, runtime, on)
    machines = sorted({item.machine for item in bundles if item.machine})
    if len(machines) > 1:
        say(
            f"p50s are those of {len(machines)} machines ({', '.join(machines)}), which do not "
            "compare: each bundle's slowest counts; --on NAME takes one machine's"
        )
    bench = f"edgeae bench --runtime {runtime} --part {part}"
    bench += "" if build == _USUAL_BUILD else f" --build {build}"
    told = f"not timed: `{bench}`" if on is None else f"not timed on {on}"
    return _judged(bundles, limits, told, part)


def _judged(
    bundles: tuple[Candidate, ...], limits: Limits, untimed: str, part: str
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
        "p50": untimed,
        "bytes": "packed bytes not known: `edgeae export --force`, or --bytes raw",
        "loss ratio": "no loss to compare",
        "loss": "no loss to compare",
        "instructions": "not counted: the sweep has no [evaluate] core",
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
    _tell(left, len(kept))
    return kept


def _tell(left: dict[str, list[str]], kept: int) -> None:
    """Print a line for each reason why bundles cannot be picked.

    Raises:
        NotMeasured: no bundle can be picked.
    """
    from edgeae.errors import NotMeasured

    lines = [f"{_names(names)}: {reason}" for reason, names in left.items()]
    if not kept:
        raise NotMeasured(f"nothing to pick from: {'; '.join(lines)}")
    for line in lines:
        say(f"left out: {line}")


def _names(names: list[str]) -> str:
    more = len(names) - _TOLD
    return ", ".join(names[:_TOLD]) + (f" and {more} more" if more > 0 else "")
