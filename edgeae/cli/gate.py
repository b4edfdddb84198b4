"""`edgeae gate`."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeae.cli.options import Batch, MaxUnpacked, Runtimes, Seed, Threads, Wait, numbers
from edgeae.cli.output import Json, finish, put, put_json, say
from edgeae.errors import BadInput

if TYPE_CHECKING:
    from edgeae.gate.finding import Outcome
    from edgeae.gate.run import Plan

#: The suite that is judged if the user names nothing.
_SUITE = "gate"


def gate(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            help="OLD NEW, or NEW with --baseline: bundles, .tflite or .onnx files. With --suite: "
            "folders of the suite's bundles [default: build]."
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="A bundle, a file, a folder of baselines, or git:REF [default: bench/baselines]."
        ),
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="Name of a file in bench/, or a path [default: gate].")
    ] = None,
    runtime: Runtimes = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("--format", help="Only artifacts of this format, tflite or onnx; repeatable."),
    ] = None,
    threads: Threads = None,
    batch: Batch = None,
    max_ratio: Annotated[
        float | None,
        typer.Option(help="Largest allowed p50 ratio [default: the suite's, or 1.03]."),
    ] = None,
    on_inconclusive: Annotated[
        str | None,
        typer.Option(help="fail: exit code 3; warn: 0 [default: the suite's, or fail]."),
    ] = None,
    seed: Seed = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Append Markdown to this file, such as a GitHub step summary."),
    ] = None,
    benchmark_json: Annotated[
        Path | None, typer.Option(help="Write github-action-benchmark's JSON to this file.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(help="Append each process's raw times to this file, as JSON lines."),
    ] = None,
    wait: Wait = 600.0,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Judge candidates against their baselines: pass, fail, inconclusive or missing."""
    from dataclasses import replace

    from edgeae.errors import exit_code
    from edgeae.gate.budget import OnInconclusive
    from edgeae.gate.outputs.table import render
    from edgeae.gate.run import run_gate
    from edgeae.reading import typed
    from edgeae.text.progress import Progress

    outputs = {"--junit": junit, "--markdown": markdown, "--benchmark-json": benchmark_json}
    _check_writable({**outputs, "--rows": rows})
    typed.value(OnInconclusive | None, on_inconclusive, "--on-inconclusive")
    changed = {
        key: value
        for key, value in (("max_ratio", max_ratio), ("on_inconclusive", on_inconclusive))
        if value is not None
    }
    axes = {
        "threads": numbers("--threads", threads or []) or (1,),
        "batch": numbers("--batch", batch or []) or (1,),
    }
    with _planned(
        places or [], baseline, suite, runtime or [], format_ or [], axes, seed
    ) as planned:
        plan = replace(planned, budget=planned.budget.with_changes(**changed))
        for name, reason in plan.absent:
            say(f"{name}: {reason}")
        with Progress(len(plan.pairs), "gate", "cell") as progress:
            outcome = run_gate(
                plan,
                say=say,
                on_finding=lambda found: progress.advance(f"{found.cell.name}: {found.verdict}"),
                on_row=_recorder(rows),
                wait_s=wait,
            )
    outcome = replace(outcome, command=_command(plan.seed, seed))
    put_json(outcome.to_json()) if json else put(render(outcome))
    codes = [outcome.code, *_write(outcome, outputs)]
    if outcome.verdict == "inconclusive" and outcome.code == 0:
        say(f"edgeae: warning: {outcome.sentence}")
    finish(exit_code(codes))


def _command(drawn: int, asked: int | None) -> str:
    """Return the command line that repeats this gate in the same order."""
    words = ["edgeae", *sys.argv[1:]]
    return shlex.join(words if asked is not None else [*words, "--seed", str(drawn)])


def _check_writable(files: dict[str, Path | None]) -> None:
    """Check before the work that the results can be written after it.

    Raises:
        BadInput: a path is a folder, or cannot be written.
    """
    for option, path in files.items():
        if path is None:
            continue
        if path.is_dir():
            raise BadInput(f"{option} {path}: a folder; allowed is a file's name")
        place = path if path.exists() else path.absolute().parent
        while not place.exists():
            place = place.parent
        if (place.is_file() and place != path) or not os.access(place, os.W_OK):
            raise BadInput(f"{option} {path}: cannot be written")


def _planned(
    places: list[Path],
    baseline: str | None,
    suite: str | None,
    runtimes: list[str],
    only: list[str],
    axes: dict[str, tuple[int, ...]],
    seed: int | None,
) -> AbstractContextManager["Plan"]:
    from edgeae.baselines.find import FOLDER
    from edgeae.gate.budget import Budget
    from edgeae.gate.run import plan_pair, plan_suite

    if suite is not None or not places:
        if axes != {"threads": (1,), "batch": (1,)}:
            raise BadInput("--threads and --batch: only with files; a suite has its own")
        return plan_suite(
            suite or _SUITE,
            bundles=places,
            baseline=baseline,
            runtimes=runtimes,
            seed=seed,
            only=only,
        )
    if len(places) + (baseline is not None) > 2:
        raise BadInput("gate: allowed are OLD NEW, NEW with --baseline OLD, or --suite NAME")
    *old, new = places
    named = str(old[0]) if old else baseline or FOLDER
    return plan_pair(new, named, Budget(), runtimes=runtimes, seed=seed, only=only, **axes)


def _recorder(path: Path | None) -> Any:
    if path is None:
        return None
    from dataclasses import asdict

    from edgeae.reading.json_lines import append_line

    return lambda cell, row: append_line(path, {"cell": asdict(cell), **asdict(row)})


def _write(outcome: "Outcome", files: dict[str, Path | None]) -> list[int]:
    """Write each file, even if others fail; return the exit codes of the failures."""
    from edgeae.errors import naming, system_error
    from edgeae.gate.outputs import benchmark_action
    from edgeae.gate.outputs import junit as junit_xml
    from edgeae.gate.outputs import markdown as summary
    from edgeae.system import atomic

    def append(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # append, because GitHub's file also holds the summaries of other steps
        with naming(path), path.open("a", encoding="utf-8") as stream:
            stream.write(text)

    how: dict[str, tuple[Callable[[Outcome], str], Callable[[Path, str], None]]] = {
        "--junit": (junit_xml.render, atomic.write_text),
        "--markdown": (summary.render, append),
        "--benchmark-json": (benchmark_action.render, atomic.write_text),
    }
    codes = []
    for option, (render, write) in how.items():
        path = files[option]
        if path is None:
            continue
        try:
            write(path, render(outcome))
        except OSError as error:
            say(f"edgeae: {option} {system_error(error)}")
            codes.append(BadInput.code)
    return codes
