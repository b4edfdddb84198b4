"""The commands that reproduce every figure of a report."""

import shlex
from collections.abc import Mapping, Sequence

from edgeae.model import Training
from edgeae.report.exports import Export

__all__ = ["commands"]

#: Setting in `train.json` → option of `edgeae train`.
_OPTIONS = {
    "code": "--code",
    "hidden": "--hidden",
    "activation": "--activation",
    "epochs": "--epochs",
    "batch": "--batch",
    "learning_rate": "--lr",
    "seed": "--seed",
}


def commands(found: Sequence[Export], trainings: Mapping[str, Training]) -> tuple[str, ...]:
    """Return command lines in the order in which they must run."""
    models = tuple(dict.fromkeys(export.model for export in found))
    trained = [_train(trainings[model]) for model in models if model in trainings]
    return (*trained, *_exports(found, models), "edgeae verify", "edgeae bench", "edgeae report")


def _train(training: Training) -> str:
    words = ["edgeae", "train", training.family]
    data = training.dataset.get("data", "auto")
    words += ["--data", str(training.dataset["name"] if data == "auto" else data)]
    if training.model != training.family:
        words += ["--name", training.model]
    for key, option in _OPTIONS.items():
        value = training.configuration.get(key)
        if isinstance(value, list | tuple):
            value = ",".join(str(item) for item in value)
        if value not in (None, ""):
            words += [option, str(value)]
    return shlex.join(words)


def _exports(found: Sequence[Export], models: Sequence[str]) -> list[str]:
    """One command for all models that were exported under the same recipes."""
    together: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        recipes = tuple(export.recipe for export in found if export.model == model)
        together.setdefault(recipes, []).append(model)
    return [
        shlex.join(
            ["edgeae", "export", *names, *(word for recipe in recipes for word in ("-r", recipe))]
        )
        for recipes, names in together.items()
    ]
