"""`edgeae`: the app with all commands; turns errors into one line and an exit code."""

import functools
import os
import sys
import traceback
from typing import Annotated, cast

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from edgeae import __version__
from edgeae.cli import (
    baseline,
    bench,
    compare,
    decode,
    detect,
    doctor,
    embed,
    encode,
    export,
    gate,
    history,
    importing,
    init,
    inspect,
    pick,
    profile,
    report,
    sample,
    score,
    selftest,
    sensitivity,
    sweep,
    train,
    verify,
    zoo,
)
from edgeae.cli.output import put, say
from edgeae.cli.streams import prepare
from edgeae.errors import BadInput, EdgeaeError, RuntimeCrashed, system_error
from edgeae.system import interrupts

_INTERRUPTED = 130

app = typer.Typer(
    name="edgeae",
    help="Train autoencoders, export them to edge runtimes, and verify each export.",
    epilog=(
        "Exit codes: 0 success; 1 a budget, a parity or a loss tolerance is not met; "
        "2 wrong usage or bad input; 3 inconclusive or not measured; "
        "4 an artifact does not match its manifest; 5 a runtime crashed or hung. "
        "EDGEAE_DEBUG=1 shows tracebacks."
    ),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        put(f"edgeae {__version__}")
        raise typer.Exit(0)


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


_COMMANDS = (
    *(init, train, export, verify, detect, bench, gate, report),
    *(
        encode,
        decode,
        score,
        embed,
        pick,
        compare,
        sensitivity,
        sample,
        zoo,
        sweep,
        history,
        inspect,
        profile,
        doctor,
        selftest,
    ),
)
for command in _COMMANDS:
    app.command()(getattr(command, command.__name__.rpartition(".")[2]))
app.command("import")(importing.importing)  # `import` is a keyword of Python
app.add_typer(baseline.app, name="baseline")


@functools.cache
def _commands() -> TyperGroup:
    """Return the tree of commands; a process that runs several, as tests do, makes it once."""
    return cast(TyperGroup, typer.main.get_command(app))


def main() -> None:
    """Run the command line and exit."""
    interrupts.heed()
    prepare()
    code = _run()
    interrupts.ignore()  # the command has ended: its exit code is final
    # if the last `exec` of a string was interrupted, as in the creation of a dataclass, CPython
    # would end this process by SIGINT instead of with its exit code
    exec("")
    raise SystemExit(code)


def _run() -> int:
    try:
        code = int(_commands().main(standalone_mode=False) or 0)
        if code == _INTERRUPTED:  # typer turns Ctrl-C into a silent exit
            raise KeyboardInterrupt
        sys.stdout.flush()  # of --help
        return code
    except TyperException as error:
        asked = error.format_message() if sys.argv[1:] else "which command? --help lists them"
        return _failed(asked, BadInput.code)
    except EdgeaeError as error:
        return _failed(str(error), error.code)
    except (KeyboardInterrupt, typer.Abort):
        interrupts.ignore()  # only cleanup is left to do
        return _failed("interrupted; no file is damaged", _INTERRUPTED)
    except BrokenPipeError:
        return 0
    except OSError as error:
        return _failed(str(system_error(error)), BadInput.code)
    except Exception as error:
        return _failed(
            f"internal error: {type(error).__name__}: {error}; EDGEAE_DEBUG=1 shows where",
            RuntimeCrashed.code,
        )


def _failed(line: str, code: int) -> int:
    if os.environ.get("EDGEAE_DEBUG") == "1":
        traceback.print_exc()
    say(f"edgeae: {' '.join(line.split())}")
    return code
