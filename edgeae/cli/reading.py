"""The option of the commands that read files which may be packed: data, models, golden vectors."""

import os
from typing import Annotated

import typer

from edgeae.text.units import parse_bytes

_OPTION = "--max-unpacked"


def _allow(size: str | None) -> str | None:
    from edgeae.reading.unpacking import VARIABLE

    if size is not None:
        os.environ[VARIABLE] = str(parse_bytes(_OPTION, size))  # child processes read it, too
    return size


#: Takes effect by being there: the command itself has no use for its value.
MaxUnpacked = Annotated[
    str | None,
    typer.Option(
        _OPTION,
        metavar="SIZE",
        callback=_allow,
        help="The most that one file may unpack to, as 8G [default: half of the free memory, "
        "1G to 4G].",
    ),
]
