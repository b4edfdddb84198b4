"""Every command line that the README shows is one that edgeae takes."""

import re
import shlex

import pytest
import typer
from edgeae_cli import ROOT

from edgeae import recipe
from edgeae.cli.main import app

README = (ROOT / "README.md").read_text(encoding="utf-8")
GROUP = typer.main.get_command(app)


def command_lines() -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("edgeae ")]


def test_there_are_command_lines():
    assert len(command_lines()) > 30


@pytest.mark.parametrize("line", command_lines())
def test_a_command_line_is_taken(line):
    _, name, *words = shlex.split(line)
    command = GROUP.commands[name]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    context = command.make_context(name, words)
    made = re.findall(r"export/(\S+)\.toml", README)  # by a command line, some of them
    for plan in re.findall(r" (?:-r|--recipe) (\S+)", line):
        assert plan in (*recipe.available(), *made), f"no recipe {plan}"
    for setting in context.params.get("settings") or ():
        recipe.find(context.params["recipe"][0], [setting])


def options(command) -> set[str]:
    own = {name for item in command.params for name in (*item.opts, *item.secondary_opts)}
    return own.union(*(options(item) for item in getattr(command, "commands", {}).values()))


def test_every_option_that_is_named_is_one():
    known = options(GROUP) | {"--help"}
    spans = re.findall(r"`((?:--|edgeae )[^`\n]+)`", README)
    named = {name for span in spans for name in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)}
    assert len(named) > 30
    assert named <= known
