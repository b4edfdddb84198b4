"""`edgeae init`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json

_NEXT = """\
Next:{cd}
  make                      # the gate: models/ against bench/baselines/; passes as it stands
  cp YOUR.tflite models/    # your own artifact, beside or instead of the example
  make baseline             # what is in models/ becomes what later versions are compared with
  pip wheel --no-deps --wheel-dir vendor {source}    # what the workflow installs
  git add -A && git commit  # baselines are artifacts, kept with the code
README.md tells the rest; bench/gate.toml holds the budget."""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The repository's folder, made when missing.")
    ] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are there and differ.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a repository of your own: workflow, Makefile, export/, bench/ and an example."""
    from edgeae.scaffold.write import source, write

    found = write(folder, force=force)
    if json:
        put_json({"folder": str(folder), "written": found.written, "unchanged": found.unchanged})
        return
    for path in found.written:
        put(str(folder / path))
    if found.unchanged:
        put(f"up to date: {len(found.unchanged)} files")
    cd = "" if folder.resolve() == Path.cwd() else f"\n  cd {folder}"
    put(_NEXT.format(cd=cd, source=shlex.quote(source())))
