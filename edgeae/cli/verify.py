"""`edgeae verify`."""

import itertools
from pathlib import Path
from typing import Annotated

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
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Verify that each export gives the original's answers in each runtime; write verify.json.

    Of a folder that `edgeae embed` wrote, the bytes are compared with what its model gives, and its
    example is built and run.
    """
    from edgeae.artifacts.bundle import find_bundles
    from edgeae.detect.limits import limits_of
    from edgeae.embed import check
    from edgeae.embed.folder import is_embedded
    from edgeae.errors import EdgeaeError, NotMeasured, exit_code
    from edgeae.text.progress import Progress
    from edgeae.verify.images import originals_of
    from edgeae.verify.run import Findings, verify_all
    from edgeae.verify.table import render

    line = board_line(port, baud, answer_within, runtime or [])
    runtime = with_board(runtime, line)
    places = bundles or [Path("build")]
    embedded = [place for place in places if is_embedded(place)]
    others = [place for place in places if place not in embedded]
    opened = find_bundles(others) if others else []
    check_one_bundle(line, len(opened) + len(embedded))
    sources = None if golden or not opened else originals_of(opened, data, say)
    findings: list[Findings] = []
    folders: list[check.EmbeddedFindings] = []
    errors: list[EdgeaeError] = []
    with Progress(len(embedded) + len(opened), "verify", "bundle") as progress:
        outcomes = itertools.chain(
            verify_all(opened, sources, runtime, jobs=jobs, say=progress.tell, line=line),
            check.check_all(embedded, runtime, progress.tell, line),
        )
        for outcome in outcomes:
            if isinstance(outcome, Findings):
                findings.append(outcome)
                progress.advance(outcome.bundle.name)
            elif isinstance(outcome, check.EmbeddedFindings):
                folders.append(outcome)
                progress.advance(str(outcome.folder))
            else:
                errors.append(outcome)
                progress.advance()
    findings.sort(key=lambda item: item.bundle.name)
    models = [item.model for item in folders if item.model is not None]
    if json:
        put_json([item.to_json() for item in findings] + [item.to_json() for item in folders])
    else:
        for folder in folders:
            put(check.render(folder))
        if findings or models:
            put(render([*findings, *models]))
    detected = [item for found in findings for item in limits_of(found.bundle)]
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
