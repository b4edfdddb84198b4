"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.errors import BadInput
from edgeae.reading.names import ALLOWED, RESERVED, is_name
from edgeae.text.amounts import parse_bytes

if TYPE_CHECKING:
    from edgeae.data import Reading
    from edgeae.runtimes import Line

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
#: The options of the commands that run a model: `encode`, `decode` and `score`.
Output = Annotated[Path, typer.Option("--output", "-o", help="The .npy or .csv to write.")]
OneRuntime = Annotated[
    str | None,
    typer.Option(
        "--runtime", help="A runtime, as `edgeae doctor` lists [default: the format's usual one]."
    ),
]
OneBatch = Annotated[
    int | None,
    typer.Option("--batch", min=1, help="Most examples per call [default: as exported]."),
]
OneThreads = Annotated[int, typer.Option("--threads", min=1, help="Threads of the engine.")]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for another measurement on this machine.")
]

#: The options of a board on a serial line; see `board_line`.
Port = Annotated[
    str | None,
    typer.Option(
        metavar="PORT",
        help="Serial port of a board with the firmware of `edgeae embed`, such as /dev/ttyACM0: "
        "runs c-serial.",
    ),
]
Baud = Annotated[
    int | None,
    typer.Option(min=1, metavar="BITS", help="With --port: bits per second [default: 115200]."),
]
AnswerWithin = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="With --port: seconds within which the board begins an answer [default: 10].",
    ),
]
#: The runtime that `--port` adds.
BOARD = "c-serial"


def board_line(
    port: str | None, baud: int | None, answer_within: float | None, runtimes: Sequence[str]
) -> Line | None:
    """Return where the board is; None if no board is asked for.

    Raises:
        BadInput: a setting of the line, or the runtime c-serial, is given without a port.
    """
    from edgeae.runtimes import Line

    if port is not None:
        usual = Line(port)
        return Line(port, baud or usual.baud, answer_within or usual.answer_s)
    for option, value in (("--baud", baud), ("--answer-within", answer_within)):
        if value is not None:
            raise BadInput(f"{option} {value:g}: only with --port")
    if BOARD in runtimes:
        raise BadInput(f"--runtime {BOARD}: which board? --port PORT names it")
    return None


def check_one_bundle(line: Line | None, found: int) -> None:
    """Check the number of bundles, if they are for a board.

    Raises:
        BadInput: there are more than one.
    """
    if line is not None and found != 1:
        raise BadInput(f"--port {line.port}: a board runs one bundle; name one of the {found} here")


def with_board(runtimes: Sequence[str] | None, line: Line | None) -> list[str] | None:
    """Return the named runtimes, with the board's if there is one."""
    named = list(runtimes or [])
    return named or None if line is None else [*named, BOARD]


#: The options that say how the rows of a file become a model's rows; see `reading`.
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,C",
        help="Columns of a CSV with a header, or of a Parquet file, in this order [default: all].",
    ),
]
Drop = Annotated[str | None, typer.Option(metavar="A,B", help="Columns to leave out.")]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of labels, for judging; never for training."),
]
Standardize = Annotated[
    bool,
    typer.Option(
        "--standardize",
        help="Give each column, or channel of windows, the mean 0 and the deviation 1.",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="70:10:20", help="Percent of the rows for training, validation and test."),
]
SplitSeed = Annotated[
    int | None, typer.Option(help="Seed of the order in which --split takes rows [default: 0].")
]
Window = Annotated[
    int | None,
    typer.Option(metavar="N", help="Cut windows of N samples; each line is then a sample."),
]
Step = Annotated[
    int | None,
    typer.Option(metavar="M", help="Samples between the starts of windows [default: N]."),
]


def reading(
    columns: str | None,
    drop: str | None,
    label: str | None,
    standardize: bool,
    split: str | None,
    split_seed: int | None,
    window: int | None,
    step: int | None,
) -> Reading:
    """Return what these options say of a file's rows.

    Raises:
        BadInput: a value is not allowed, or two options contradict each other.
    """
    from edgeae.data import Reading
    from edgeae.data.reading import names_in

    if split_seed is not None and split is None:
        raise BadInput(f"--split-seed {split_seed}: only with --split")
    for option, count in (("--window", window), ("--step", step)):
        if count is not None and count < 1:
            raise BadInput(f"{option} {count}: allowed are whole numbers from 1")
    return Reading(
        names_in("--columns", columns),
        names_in("--drop", drop),
        label,
        standardize,
        _shares(split),
        split_seed or 0,
        window or 0,
        step or 0,
    )


def _shares(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    words = text.split(":")
    if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
        raise BadInput(
            f"--split {text}: allowed are three whole numbers that add to 100, "
            "train:validation:test, as 70:10:20"
        )
    first, second, third = map(int, words)
    return first, second, third


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
