"""`edgeae verify`."""

import itertools
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.options import (
    AnswerWithin,
    Baud,
    MaxUnpacked,
    Port,
    board_line,
    check_one_bundle,
    with_board,
)
from edgeae.cli.output import Json, finish, put, put_json, say
from edgeae.cli.scheduling import DeviceScheduler, On, Retries, TlsCa, TlsCert, TlsKey, device

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgeae.cli.scheduling import Cluster
    from edgeae.embed.check import EmbeddedFindings
    from edgeae.errors import EdgeaeError
    from edgeae.runtimes import Line
    from edgeae.text.progress import Progress
    from edgeae.verify.run import Findings


def verify(
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Bundles, folders of bundles, or what `edgeae embed` wrote [default: build]."
        ),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option("--runtime", help="Only this runtime; repeatable [default: all]."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Dataset [default: the manifest's dataset].")
    ] = None,
    golden: Annotated[
        bool,
        typer.Option(
            "--golden",
            help="Compare with the bundle's golden vectors, which needs no dataset or TensorFlow.",
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Bundles verified in parallel.")
    ] = 2,
    port: Port = None,
    baud: Baud = None,
    answer_within: AnswerWithin = None,
    scheduler: DeviceScheduler = None,
    on: On = None,
    retries: Retries = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Verify that each export gives the original's answers in each runtime; write verify.json.

    With --on, a device compares with the golden vectors; its findings are in verify.NAME.json.
    Of a folder that `edgeae embed` wrote, the bytes are compared with what its model gives, and its
    example is built and run.
    """
    from edgeae.artifacts.bundle import find_bundles
    from edgeae.detect.limits import limits_of
    from edgeae.embed import check
    from edgeae.embed.folder import is_embedded
    from edgeae.errors import NotMeasured, exit_code
    from edgeae.scheduling.device import Device
    from edgeae.text.progress import Progress
    from edgeae.verify.images import originals_of
    from edgeae.verify.on_device import verify_on
    from edgeae.verify.run import verify_all
    from edgeae.verify.table import render

    cluster = device(scheduler, on, retries, tls_ca, tls_cert, tls_key)
    line = board_line(port, baud, answer_within, runtime or [])
    runtime = with_board(runtime, line)
    places = bundles or [Path("build")]
    embedded = [place for place in places if is_embedded(place)]
    others = [place for place in places if place not in embedded]
    opened = find_bundles(others) if others else []
    check_one_bundle(line, len(opened) + len(embedded))
    _check_golden(cluster, on, golden, embedded, line)
    sources = None if golden or not opened else originals_of(opened, data, say)
    with (
        ExitStack() as stack,
        Progress(len(embedded) + len(opened), "verify", "bundle") as progress,
    ):
        if cluster is None:
            verified = verify_all(opened, sources, runtime, jobs=jobs, say=progress.tell, line=line)
        else:
            executor = stack.enter_context(cluster.device(on or ""))
            there = Device(executor, on or "", progress.tell)
            verified = verify_on(there, opened, runtime, progress.tell)
        findings, folders, errors = _sorted_out(
            itertools.chain(verified, check.check_all(embedded, runtime, progress.tell, line)),
            progress,
        )
    models = [item.model for item in folders if item.model is not None]
    if json:
        put_json([item.to_json() for item in findings] + [item.to_json() for item in folders])
    else:
        for folder in folders:
            put(check.render(folder))
        if findings or models:
            put(render([*findings, *models]))
    # what `edgeae detect` found is of this machine
    here = [found.bundle for found in findings if not found.machine]
    detected = [item for bundle in here for item in limits_of(bundle)]
    breached = [item.breaches for item in findings] + [folder.breaches for folder in folders]
    for complaint in itertools.chain(*breached, map(str, errors), (item.line for item in detected)):
        say(f"edgeae: {complaint}")
    codes = [code for item in findings for code in item.codes] + [item.code for item in detected]
    codes += [folder.code for folder in folders] + [error.code for error in errors]
    rows = (row for item in (*findings, *models) for row in item.rows)
    absent = {row.runtime for row in rows if row.verdict == "unavailable"}
    if runtime and absent & set(runtime):
        codes.append(NotMeasured.code)  # the user named a runtime that is absent
    finish(exit_code(codes))


def _sorted_out(
    outcomes: "Iterable[Findings | EmbeddedFindings | EdgeaeError]", progress: "Progress"
) -> "tuple[list[Findings], list[EmbeddedFindings], list[EdgeaeError]]":
    """Return the findings about bundles, by name; those about folders; and the errors."""
    from edgeae.embed.check import EmbeddedFindings
    from edgeae.errors import EdgeaeError
    from edgeae.verify.run import Findings

    findings: list[Findings] = []
    folders: list[EmbeddedFindings] = []
    errors: list[EdgeaeError] = []
    for outcome in outcomes:
        if isinstance(outcome, Findings):
            findings.append(outcome)
            progress.advance(outcome.bundle.name)
        elif isinstance(outcome, EmbeddedFindings):
            folders.append(outcome)
            progress.advance(str(outcome.folder))
        else:
            errors.append(outcome)
            progress.advance()
    return sorted(findings, key=lambda item: item.bundle.name), folders, errors


def _check_golden(
    cluster: "Cluster | None",
    on: str | None,
    golden: bool,
    embedded: list[Path],
    line: "Line | None",
) -> None:
    """Check that a device gets what it can verify: bundles, by their golden vectors."""
    from edgeae.errors import BadInput

    if cluster is None:
        return
    asked = f"--scheduler {cluster.address}" if on is None else f"--on {on}"
    if not golden:
        raise BadInput(f"{asked}: only with --golden; a device gets no dataset")
    if line is not None:
        raise BadInput(f"--port {line.port}: not together with {asked}; the board is here")
    if embedded:
        raise BadInput(
            f"{embedded[0]}: what `edgeae embed` wrote is verified here, without {asked}"
        )
