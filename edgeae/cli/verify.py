"""`edgeae verify`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Json, finish, put, put_json, say


def verify(
    bundles: Annotated[
        list[Path] | None, typer.Argument(help="Bundles, or folders of bundles [default: build].")
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
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Verify that each export gives the original's answers in each runtime; write verify.json."""
    from edgeae.artifacts.bundle import find_bundles
    from edgeae.detect.limits import limits_of
    from edgeae.errors import NotMeasured, exit_code
    from edgeae.text.progress import Progress
    from edgeae.verify.images import originals_of
    from edgeae.verify.run import Findings, verify_all
    from edgeae.verify.table import render

    opened = find_bundles(bundles or [Path("build")])
    sources = None if golden else originals_of(opened, data, say)
    findings, errors = [], []
    with Progress(len(opened), "verify", "bundle") as progress:
        for outcome in verify_all(opened, sources, runtime, jobs=jobs, say=progress.tell):
            if isinstance(outcome, Findings):
                findings.append(outcome)
                progress.advance(outcome.bundle.name)
            else:
                errors.append(outcome)
                progress.advance()
    findings.sort(key=lambda item: item.bundle.name)
    if json:
        put_json([item.to_json() for item in findings])
    elif findings:
        put(render(findings))
    detected = [item for found in findings for item in limits_of(found.bundle)]
    lines = [line for item in findings for line in item.breaches] + [str(e) for e in errors]
    for line in [*lines, *(item.line for item in detected)]:
        say(f"edgeae: {line}")
    codes = [code for item in findings for code in item.codes] + [error.code for error in errors]
    codes += [item.code for item in detected]
    absent = {row.runtime for item in findings for row in item.rows if row.verdict == "unavailable"}
    if runtime and absent & set(runtime):
        codes.append(NotMeasured.code)  # the user named a runtime that is absent
    finish(exit_code(codes))
