"""The page of commands and options, from the command line's own declarations."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from edgeae.cli.main import app
from generate.markdown import code, table

__all__ = ["page"]

_INTRODUCTION = """# Commands and options

Every command has `--help`. Results go to standard output; messages and progress go to standard
error. With `--json`, the result is JSON. All commands have the same [exit codes](exit-codes.md).
"""


def page() -> str:
    """Return the page: a section for each command."""
    group: Any = typer.main.get_command(app)
    sections = [text for name in group.commands for text in _sections([name], group)]
    return "\n".join([_INTRODUCTION, *sections])


def _sections(path: list[str], group: Any) -> Iterator[str]:
    command = group.commands[path[-1]]
    name = " ".join(["edgeae", *path])
    context = command.make_context(name, [], resilient_parsing=True)
    yield f"## {name}\n"
    yield f"{inspect.cleandoc(command.help)}\n"
    yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```\n"
    for title, kind in (("argument", "argument"), ("option", "option")):
        records = [
            item.get_help_record(context)
            for item in command.get_params(context)
            if item.param_type_name == kind and "--help" not in item.opts
        ]
        rows = [(code(first), text) for first, text in filter(None, records)]
        if rows:
            yield f"{table((title, 'meaning'), rows)}\n"
    for inner in getattr(command, "commands", {}):
        yield from _sections([*path, inner], command)
