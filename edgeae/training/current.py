"""Is a model already what a training would make? Asked without TensorFlow."""

import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path

from edgeae import data as datasets
from edgeae.errors import EdgeaeError
from edgeae.model import TRAIN, Training, open_model
from edgeae.training.settings import Settings

__all__ = ["TOOLS", "current", "tool_versions"]

TOOLS = ("tensorflow", "tf-keras")


def tool_versions() -> dict[str, str]:
    """Return package → version of whatever shapes the weights."""
    return {name: importlib.metadata.version(name) for name in TOOLS}


def current(folder: Path, settings: Settings, data: str) -> Training | None:
    """Return the training in `folder` if these settings and this data would give it again."""
    if not (folder / TRAIN).exists():
        return None
    try:
        training = open_model(folder)
    except EdgeaeError:
        return None  # damaged or half replaced: train again
    asked = json.loads(json.dumps(asdict(settings)))
    if training.configuration != asked or training.tools != tool_versions():
        return None
    try:
        # `auto` that became digits stays digits until MNIST can be had without a network
        dataset = datasets.load(data, download=False)
    except EdgeaeError:
        return None
    return training if dataset.sha256 == training.dataset["sha256"] else None
