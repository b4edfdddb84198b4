"""Options of the commands that measure; several whole numbers in one: `--batch 1,8`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from edgeae.errors import BadInput

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
    int | None, typer.Option(min=0, help="Of every order [default: drawn, and recorded].")
]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for another measurement on this machine.")
]


def numbers(option: str, texts: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of an option's values, each once.

    Raises:
        BadInput: one is not a whole number from 1.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word) >= 1):
            raise BadInput(
                f"{option} {word}: allowed are whole numbers from 1, separated by commas"
            )
    return tuple(dict.fromkeys(map(int, words)))
