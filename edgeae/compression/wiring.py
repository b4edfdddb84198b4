"""Which layer of a flat Keras model reads which."""

from collections import Counter
from typing import Any


def inputs(item: dict[str, Any]) -> list[str]:
    """Return the layers that one layer reads, by its entry in a model's configuration."""
    return [call[0] for node in item["inbound_nodes"] for call in node]


def sources(model: Any) -> dict[str, list[str]]:
    """Return layer → the layers that it reads."""
    return {item["name"]: inputs(item) for item in model.get_config()["layers"]}


def uses(model: Any) -> Counter[str]:
    """Return layer → how often it is read; whoever takes the model's output reads it too."""
    found = Counter(name for names in sources(model).values() for name in names)
    found.update(item[0] for item in model.get_config()["output_layers"])
    return found
