"""`edgeae init`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json

_NEXT = """\
Next:{cd}
  make                      # run the gate: models/ against bench/baselines/; passes at first
  cp YOUR.tflite models/    # add your own artifact, or replace the example
  make baseline             # save models/ as the baselines of later versions
  pip wheel --no-deps --wheel-dir vendor {source}    # the wheel that the workflow installs
  git add -A && git commit  # baselines are artifacts, committed with the code
README.md explains the rest; bench/gate.toml holds the budget."""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The repository's folder; created if missing.")
    ] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace existing files that differ.")
    ] = False,
    embed: Annotated[
        str | None,
        typer.Option(
            "--embed",
            metavar="FORM",
            help="Add a target that embeds the models, as a form of `edgeae embed`.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Create a repository with the gate: workflow, Makefile, export/, bench/ and an example."""
    from edgeae.scaffold.write import source, write

    files = write(folder, force=force, embed=embed)
    if json:
        put_json({"folder": str(folder), "written": files.written, "unchanged": files.unchanged})
        return
    for path in files.written:
        put(str(folder / path))
    if files.unchanged:
        put(f"up to date: {len(files.unchanged)} files")
    cd = "" if folder.resolve() == Path.cwd() else f"\n  cd {folder}"
    put(_NEXT.format(cd=cd, source=shlex.quote(source())))
