"""`edgeae sensitivity`."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, put, put_json, say
from edgeae.cli.scheduling import LOCAL, Cluster, Retries, Scheduler, Store, TlsCa, TlsCert, TlsKey
from edgeae.errors import BadInput

if TYPE_CHECKING:
    from edgeae.recipe import Recipe
    from edgeae.sensitivity.curves import Curves
    from edgeae.sensitivity.run import Found

_TOML = ".toml"
#: The recipe into which settings by layer are written, unless the user names another.
_BASE = "p80-pqat-int8"


def sensitivity(
    model: Annotated[str, typer.Argument(help="A trained model, by name or folder.")],
    max_loss_ratio: Annotated[
        float | None,
        typer.Option(help="Write a recipe whose loss ÷ the control's loss is at most this."),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe", "-r", help="Base of that recipe: a recipe that prunes or clusters."
        ),
    ] = _BASE,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="File of the new recipe [default: a file in export/]."),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Largest number of fine-tunings.")] = 8,
    force: Annotated[bool, typer.Option("--force", help="Replace the recipe's file.")] = False,
    scheduler: Scheduler = LOCAL,
    retries: Retries = None,
    store: Store = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Measure the loss of each layer's sparsity, clusters and bits; write a recipe by layer.

    With --max-loss-ratio, settings by layer are chosen and fine-tuned until the smallest bundle
    within the limit is found. If not even the mildest settings meet the limit, no recipe is
    written, and the exit code is 1. The table is also drawn as build/MODEL/sensitivity.svg.
    """
    from edgeae import recipe as recipes
    from edgeae.artifacts.model import find_model
    from edgeae.sensitivity import run as sensitivity_run
    from edgeae.sensitivity.table import render

    cluster = Cluster(scheduler, retries, store, tls_ca, tls_cert, tls_key)
    folder = find_model(Path(build), model)
    base = recipes.find(recipe)
    path = _path(folder.name, max_loss_ratio, out)
    if path is not None:
        _check_name(base, path)
    sensitivity_run.ready(folder, base)
    if path is not None:
        sensitivity_run.free(path, force=force)
    found = None
    with cluster.executor(1) or nullcontext() as machines:
        curves = sensitivity_run.measure(folder, base, say, machines)
        if not json:
            put(render(curves))
        if path is not None and max_loss_ratio is not None:
            found = sensitivity_run.find(
                folder, base, path.stem, curves, max_loss_ratio, most, say, machines
            )
    if path is not None and found is not None:
        sensitivity_run.publish(found, curves, path, force=force)
    sensitivity_run.keep(folder, curves, found)
    _tell(curves, found, path, json)


def _path(model: str, limit: float | None, out: str | None) -> Path | None:
    """Return the path of the new recipe; None if no recipe is requested."""
    if limit is None:
        if out is not None:
            raise BadInput(f"--out {out}: needs --max-loss-ratio, such as --max-loss-ratio 1.05")
        return None
    if not 0 < limit < math.inf:
        raise BadInput(f"--max-loss-ratio {limit:g}: allowed is above 0, and finite")
    path = Path(out or f"export/{model}-sensitive-{limit:g}{_TOML}")
    if path.suffix != _TOML:
        raise BadInput(f"--out {out}: allowed is a name that ends in {_TOML}")
    return path


def _check_name(base: Recipe, path: Path) -> None:
    """Check that the file's name can be a recipe's name.

    Raises:
        BadInput: the name is not allowed; the message names what is allowed.
    """
    from dataclasses import replace

    from edgeae.recipe import MATRIX

    if path.stem == MATRIX:
        raise BadInput(f"--out {path}: allowed is any other name; this is the matrix file's")
    try:
        replace(base, name=path.stem)
    except BadInput as error:
        raise BadInput(f"--out {path}: {error}") from None


def _tell(curves: Curves, found: Found | None, path: Path | None, json: bool) -> None:
    from edgeae.sensitivity.table import render_found

    if json:
        file = None if path is None else str(path)
        chosen = None if found is None else {"file": file, **found.to_json()}
        put_json({**curves.to_json(), "found": chosen})
    elif found is not None:
        put(f"\n{render_found(found.plan, found.trial, curves)}\n{path}")
