"""`edgeae bench`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeae.cli.options import (
    AnswerWithin,
    Batch,
    Baud,
    MaxUnpacked,
    Port,
    Runtimes,
    Seed,
    Threads,
    Wait,
    board_line,
    numbers,
    with_board,
)
from edgeae.cli.output import Build, Json, finish, put, put_json, say
from edgeae.cli.scheduling import DeviceScheduler, On, Retries, TlsCa, TlsCert, TlsKey, device

if TYPE_CHECKING:
    from contextlib import ExitStack

    from edgeae.cli.scheduling import Cluster
    from edgeae.gate.compare import Comparison
    from edgeae.runtimes import Line
    from edgeae.timing.place import Place
    from edgeae.timing.results import Result
    from edgeae.timing.suite import Job, Suite


def bench(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Bundles, folders of bundles, .tflite or .onnx files [default: build]."
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(help="Suite to time: name of a file in bench/, or a path [default: full]."),
    ] = None,
    runtime: Runtimes = None,
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Only this part; repeatable.")
    ] = None,
    threads: Threads = None,
    batch: Batch = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="Longest time for which one worker times blocks.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Fresh processes per job, in shuffled order.")
    ] = None,
    seed: Seed = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            help="Compare two artifacts A and B, interleaved in one process. With two --runtime, "
            "the first runs A and the second runs B; A and B may be the same file.",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=2, help="With --compare: fresh processes, with alternating load order [default: 6]."
        ),
    ] = None,
    port: Port = None,
    baud: Baud = None,
    answer_within: AnswerWithin = None,
    wait: Wait = 600.0,
    scheduler: DeviceScheduler = None,
    on: On = None,
    retries: Retries = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Time artifacts in runtimes, one worker process each; appends to build/results.jsonl."""
    from contextlib import ExitStack
    from dataclasses import asdict

    from edgeae.errors import BadInput, NotMeasured, exit_code
    from edgeae.reading.names import RESULTS
    from edgeae.timing import suite as suites
    from edgeae.timing.bench import bench as run
    from edgeae.timing.host_lock import host_lock
    from edgeae.timing.pooled import pool_all
    from edgeae.timing.table import render

    cluster = device(scheduler, on, retries, tls_ca, tls_cert, tls_key)
    if compare:
        _refuse_beside_compare(
            places=places,
            part=part,
            rounds=rounds,
            suite=suite,
            seconds=seconds,
            seed=seed,
            port=port,
            baud=baud,
            scheduler=None if cluster is None else cluster.address,
            **{"answer-within": answer_within},
        )
        with host_lock(say, wait):
            comparison = _compared(
                compare, runtime or [], threads or [], batch or [], processes or 6
            )
        put_json(comparison.to_json()) if json else put(comparison.to_text())
        return
    if processes is not None:
        raise BadInput(f"--processes {processes}: needs --compare A B; a suite has --rounds")
    line = board_line(port, baud, answer_within, runtime or [])
    if cluster is not None and line is not None:
        raise BadInput(f"--port {line.port}: not together with --scheduler; the board is here")
    asked: dict[str, Any] = {
        "runtimes": tuple(with_board(runtime, line) or ()),
        "parts": tuple(part or ()),
        "threads": numbers("--threads", threads or []),
        "batch": numbers("--batch", batch or []),
        "seconds": seconds,
        "rounds": rounds,
    }
    chosen = replace(
        suites.find(suite or "full"), **{key: value for key, value in asked.items() if value}
    )
    board_line(port, baud, answer_within, chosen.runtimes)
    jobs = _jobs(chosen, places or [], Path(build), line)
    if not jobs:
        raise NotMeasured("nothing to time: no artifact is opened by any of these runtimes")
    with ExitStack() as stack:
        place = _place(stack, cluster, on or "", jobs, wait)
        rows = list(
            run(
                jobs,
                chosen.seconds,
                Path(build) / RESULTS,
                say,
                rounds=chosen.rounds,
                seed=chosen.seed if seed is None else seed,
                place=place,
            )
        )
    if json:
        put_json(
            {
                "rows": [asdict(row) for row in rows],
                "pooled": [item.to_json() for item in pool_all(rows)],
            }
        )
    else:
        put(render(rows))
    named = set(with_board(runtime, line) or [])
    # an absent engine only gives a row; the command fails only if the user named the engine
    absent = [row for row in rows if not row.model and row.code == NotMeasured.code]
    ignored = [row for row in absent if row.runtime not in named]
    if any(row.measured for row in rows):
        # what a core cannot take is a row, never a failure of the whole
        ignored += [row for row in rows if row.model and _is_refused(row)]
    finish(exit_code(row.code for row in rows if row not in ignored))


def _place(
    stack: "ExitStack", cluster: "Cluster | None", on: str, jobs: "list[Job]", wait: float
) -> "Place":
    """Return the machine that measures; this one's lock is held until the stack ends."""
    from edgeae.scheduling.device import Device
    from edgeae.timing.emulated import is_counted
    from edgeae.timing.host_lock import host_lock
    from edgeae.timing.place import Here, OnDevice

    if cluster is not None:
        return OnDevice(Device(stack.enter_context(cluster.device(on)), on, say), wait)
    # an emulated core and a board count the same whatever else runs here
    if not all(is_counted(job.runtime) for job in jobs):
        stack.enter_context(host_lock(say, wait))
    return Here()


def _is_refused(row: "Result") -> bool:
    """Return whether C does not support the row's model, or a core's memory does not hold it."""
    from edgeae.errors import NotMeasured
    from edgeae.timing.emulated import is_emulated

    return row.code == NotMeasured.code and is_emulated(row.runtime)


def _jobs(suite: "Suite", places: list[Path], build: Path, line: "Line | None") -> "list[Job]":
    """Return a suite's jobs for the places on the command line, or else for all of `build`."""
    import glob

    from edgeae.artifacts.bundle import find_bundles
    from edgeae.errors import BadInput
    from edgeae.timing.board import on_line
    from edgeae.timing.suite import expand

    for place in places:
        if not place.exists():
            raise BadInput(f"{place}: no such file or folder")
    files = [place for place in places if not place.is_dir()]
    folders = [place for place in places if place.is_dir()]
    if places:  # the named places replace the suite's own artifacts
        suite = replace(suite, artifacts=tuple(glob.escape(str(file)) for file in files))
        suite = suite if folders else replace(suite, models=())
    bundles = find_bundles(folders or [build]) if suite.models else []
    return on_line(expand(suite, bundles), line)


def _compared(
    pair: tuple[Path, Path],
    runtimes: list[str],
    threads: list[str],
    batch: list[str],
    processes: int,
) -> "Comparison":
    from edgeae.errors import BadInput
    from edgeae.gate.compare import compare

    counts: list[int] = []
    for option, texts in (("--threads", threads), ("--batch", batch)):
        values = numbers(option, texts) or (1,)
        if len(values) != 1:
            raise BadInput(f"{option} {','.join(map(str, values))}: --compare takes one number")
        counts += values
    if len(runtimes) > 2:
        raise BadInput(f"--runtime: --compare takes at most two, not {len(runtimes)}")
    return compare(*pair, tuple(runtimes), counts[0], counts[1], processes, say)


def _refuse_beside_compare(**given: object) -> None:
    from edgeae.errors import BadInput

    for name, value in given.items():
        if value is not None and value != []:
            what = "PLACES" if name == "places" else f"--{name}"
            raise BadInput(f"{what}: not together with --compare A B")
