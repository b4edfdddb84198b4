"""Connections between the layers of a Keras architecture, in the forms of Keras 2 and 3."""

import graphlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput


def only(where: str, what: str, written: Any, hint: str = "") -> str:
    """Return the name of the one input or output; the error for several ends with `hint`."""
    names = names_of(written)
    if len(names) != 1:
        raise BadInput(
            f"{where} has {len(names)} {what}s ({', '.join(names)}); allowed is one{hint}"
        )
    return names[0]


def names_of(written: Any) -> list[str]:
    """Return the names of inputs or outputs.

    They are written as `["x", 0, 0]`, `[["x", 0, 0]]` or `{"key": ["x", 0, 0]}`.
    """
    items = list(written.values()) if isinstance(written, dict) else written
    if items and isinstance(items[0], str):
        items = [items]
    return [str(item[0]) for item in items]


def needed_by(target: str, inputs: Callable[[str], tuple[str, ...]]) -> set[str]:
    """Return the names of the layers that `target` depends on, itself included."""
    needed, left = set[str](), [target]
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += inputs(name)
    return needed


def inputs_of(where: str, item: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the layers that a layer is called on, in the form of Keras 2 or 3."""
    nodes = item["inbound_nodes"]
    if len(nodes) > 1:
        raise BadInput(f"{where} is shared: called {len(nodes)} times; allowed is once")
    if not nodes:
        return ()
    node = nodes[0]
    if isinstance(node, dict):
        _check_settings(where, node["kwargs"])
        return tuple(_tensors(where, node["args"]))
    calls = [node] if isinstance(node[0], str) else node
    for call in calls:
        _check_settings(where, call[3] if len(call) > 3 else {})
    return tuple(str(call[0]) for call in calls)


def _tensors(where: str, arguments: Any) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, list):
            yield from _tensors(where, argument)
        elif isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
            yield str(argument["config"]["keras_history"][0])
        else:
            raise BadInput(f"{where} is called on {argument!r}; allowed are layers' outputs")


def _check_settings(where: str, settings: dict[str, Any]) -> None:
    given = {key: value for key, value in settings.items() if value}
    if given:
        raise BadInput(f"{where} is called with {given!r}; allowed are only its inputs")


def topological(path: Path, inputs: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the names in an order in which each follows its inputs."""
    try:
        return list(graphlib.TopologicalSorter(inputs).static_order())
    except graphlib.CycleError as error:
        raise BadInput(
            f"{path}: the architecture is damaged: a cycle of {', '.join(error.args[1])}"
        ) from None
