"""`edgeae detect`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Json, finish, put, put_json, say


def detect(
    bundle: Annotated[Path, typer.Argument(help="A bundle.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="Normal rows that set the threshold; none of them may have trained the model "
            "[default: the validation rows of the model's dataset]."
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(help="Rows to judge [default: the test rows of the same dataset]."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Column of labels, or y of an .npz [default: all rows are normal]."),
    ] = None,
    normal: Annotated[
        str | None,
        typer.Option(help="Label of normal rows; all others are anomalous [default: 0]."),
    ] = None,
    false_alarms: Annotated[
        float, typer.Option(help="Largest expected share of normal rows that are alarms.")
    ] = 0.01,
    score: Annotated[
        str,
        typer.Option(
            help="mse: a row's mean squared error; standardized: each value's error is divided by "
            "its column's deviation on the normal rows first."
        ),
    ] = "mse",
    runtime: Annotated[
        list[str] | None,
        typer.Option("--runtime", help="Only this runtime; repeatable [default: all]."),
    ] = None,
    max_unpacked: MaxUnpacked = None,
    json: Json = False,
) -> None:
    """Judge a bundle as an anomaly detector: threshold, AUC, changed sides; write detect.json."""
    from edgeae.artifacts.bundle import open_bundle
    from edgeae.detect.result import Score
    from edgeae.detect.rows import Asked
    from edgeae.detect.run import detect as run
    from edgeae.detect.table import render
    from edgeae.errors import exit_code
    from edgeae.reading import typed

    kind = typed.value(Score, score, "--score")
    asked = Asked(data, test, label, normal, kind, false_alarms)
    found = run(open_bundle(bundle), asked, runtime, say)
    put_json(found.to_json()) if json else put(render(found))
    for line in found.warnings:
        say(f"edgeae: warning: {line}")
    finish(exit_code(found.codes))
