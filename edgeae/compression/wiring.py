"""Connections between the layers of a flat Keras model."""

from collections import Counter
from typing import Any


def inputs(item: dict[str, Any]) -> list[str]:
    """Return the names of the layers that a layer reads, from its entry in a configuration."""
    return [call[0] for node in item["inbound_nodes"] for call in node]


def sources(model: Any) -> dict[str, list[str]]:
    """Return name of each layer → names of the layers that it reads."""
    return {item["name"]: inputs(item) for item in model.get_config()["layers"]}


def uses(model: Any) -> Counter[str]:
    """Return name of each layer → how often it is read; being a model output counts as one read."""
    counts = Counter(name for names in sources(model).values() for name in names)
    counts.update(item[0] for item in model.get_config()["output_layers"])
    return counts
