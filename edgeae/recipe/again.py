"""Recover the command line, recipe and `--set` options, that made a bundle's recipe."""

import json
from collections.abc import Iterator
from typing import Any

from edgeae.errors import BadInput
from edgeae.recipe.file import available, find, told_setting


def said_again(name: str, settings: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Split a bundle's recipe into a recipe's name and the settings on top, `key=value` each.

    The name is returned without settings if it cannot be split, because the recipe is missing now
    or because two settings had the same key.

    Args:
        name: the recipe's name in the manifest: `p60-int8`, or `p60-int8.prune.sparsity-0.7`.
        settings: every key of the recipe with its value, in nested tables.
    """
    recipes = available()
    bases = [item for item in recipes if name.startswith(f"{item}.")]
    if name in recipes or not bases:
        return name, ()
    base = max(bases, key=len)
    rest, chosen = name[len(base) + 1 :], []
    while rest:
        heads = [setting for setting in _settings(settings, rest) if _leads(setting, rest)]
        if not heads:
            return name, ()
        head = max(heads, key=lambda setting: len(told_setting(setting)))
        chosen.append(head)
        rest = rest[len(told_setting(head)) + 1 :]
    try:
        same = find(base, chosen).name == name
    except BadInput:  # the base recipe has changed
        same = False
    return (base, tuple(chosen)) if same else (name, ())


def _leads(setting: str, rest: str) -> bool:
    return f"{rest}.".startswith(f"{told_setting(setting)}.")


def _settings(table: dict[str, Any], rest: str, prefix: str = "") -> Iterator[str]:
    """Yield `key=value` for each value, as `--set` reads it.

    A number can be written in several ways; the way in which `rest` starts is yielded too.
    """
    for key, value in table.items():
        full_key = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _settings(value, rest, f"{full_key}.")
            continue
        # booleans, numbers and lists have the same form in JSON and TOML; words need no quotes
        yield f"{full_key}={value if isinstance(value, str) else json.dumps(value)}"
        if type(value) in (int, float) and rest.startswith(f"{full_key}-"):
            yield from (f"{full_key}={text}" for text in _heads(rest[len(full_key) + 1 :], value))


def _heads(rest: str, value: float) -> Iterator[str]:
    """Yield the prefixes of `rest`, each ending before a dot, that are the number `value`."""
    words = rest.split(".")
    for end in (1, 2):  # a number without or with a decimal point
        text = ".".join(words[:end])
        try:
            if float(text) == value:
                yield text
        except ValueError:
            continue
