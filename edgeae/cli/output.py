"""Print results to standard output and messages to standard error, without control characters."""

import contextlib
import json
import sys
from typing import Annotated, Any

import typer

from edgeae.text.printable import printable

#: Options that every command shares.
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Build = Annotated[str, typer.Option("--build", help="Folder of models, bundles and results.")]


def put(text: str) -> None:
    """Print a result."""
    with contextlib.suppress(BrokenPipeError):  # a reader such as `head` has closed the pipe
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()


def put_json(value: Any) -> None:
    """Print a result as JSON."""
    put(json.dumps(value, indent=1, allow_nan=False))


def say(line: str) -> None:
    """Print a message to standard error."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def finish(code: int) -> None:
    """End a command with an exit code other than 0."""
    if code:
        raise typer.Exit(code)
