"""Options that several commands share."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from edgeae.errors import BadInput
from edgeae.reading.names import ALLOWED, RESERVED, is_name
from edgeae.text.amounts import parse_bytes

_OPTION = "--max-unpacked"


def _allow(size: str | None) -> str | None:
    from edgeae.reading.unpacking import VARIABLE

    if size is not None:
        os.environ[VARIABLE] = str(parse_bytes(_OPTION, size))  # child processes read it, too
    return size


#: The option's callback sets the limit; the command itself ignores the value.
MaxUnpacked = Annotated[
    str | None,
    typer.Option(
        _OPTION,
        metavar="SIZE",
        callback=_allow,
        help="Largest size to which one file may unpack, such as 8G [default: half of the free "
        "memory, 1G to 4G].",
    ),
]


def folder_name(name: str) -> str:
    """Return a model's name, which is also the name of its folder.

    Raises:
        BadInput: the name is not valid for a folder, cannot be printed, or is used by edgeae.
    """
    if not is_name(name):
        raise BadInput(f"--name {name!r:.60}: allowed is {ALLOWED}")
    if name.casefold() in RESERVED:
        raise BadInput(
            f"--name {name}: allowed is any other name; edgeae itself writes {', '.join(RESERVED)}"
        )
    return name


Runtimes = Annotated[
    list[str] | None, typer.Option("--runtime", help="Only this runtime; repeatable.")
]
Threads = Annotated[
    list[str] | None, typer.Option("--threads", help="Numbers of threads: 1,2; repeatable.")
]
Batch = Annotated[
    list[str] | None, typer.Option("--batch", help="Examples per call: 1,8,64; repeatable.")
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Seed of the order of jobs [default: drawn, and recorded]."),
]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for another measurement on this machine.")
]


def numbers(option: str, texts: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers in an option's values, each once.

    Raises:
        BadInput: a value is not a whole number from 1.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word) >= 1):
            raise BadInput(
                f"{option} {word}: allowed are whole numbers from 1, separated by commas"
            )
    return tuple(dict.fromkeys(map(int, words)))
