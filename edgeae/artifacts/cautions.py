"""What a reader of a bundle's figures is warned of, though it may be within its tolerance."""

from collections.abc import Iterable, Mapping
from typing import Any

from edgeae.artifacts.manifest import Manifest
from edgeae.artifacts.model import Training
from edgeae.metrics.loss import is_worse

#: An exported loss of more than so many times its yardstick's is said.
_MUCH = 1.5
#: Recipes that lose little where one scale does not fit all values of a tensor.
_GENTLE = ("dynamic", "int16x8")


def of_bundles(manifests: Iterable[Manifest]) -> list[str]:
    """Return a line per caution, `model: …` or `model/recipe: …`; each original's once."""
    found: dict[str, None] = {}
    for item in manifests:
        original, export = of_original(item), of_export(item)
        if original:
            found[f"{item.model}: {original}"] = None
        if export:
            found[f"{item.model}/{item.recipe}: {export}"] = None
    return list(found)


def of_export(manifest: Manifest) -> str:
    """Say that an export lost much against its yardstick, and what helps; or nothing."""
    loss = manifest.loss
    ratio = loss.yardstick_ratio if loss else None
    if loss is None or ratio is None or ratio <= _MUCH:
        return ""
    whose = "original" if loss.control is None else "control"
    gentle = " or ".join(name for name in _GENTLE if name != manifest.recipe)
    return (
        f"its loss, {loss.exported:.4g}, is {ratio:.3g} times the {whose}'s; what helps: columns "
        f"of one scale (standardise them before training), or the recipe {gentle}"
    )


def of_original(manifest: Manifest) -> str:
    """Say that a bundle's original does worse than the mean of its data; or nothing."""
    loss = manifest.loss
    return "" if loss is None else _worse(loss.float32, manifest.dataset)


def of_training(training: Training) -> str:
    """Say that a model does worse than the mean of its data; or nothing."""
    return _worse(training.losses.get("test", 0.0), training.dataset)


def _worse(loss: float, dataset: Mapping[str, Any]) -> str:
    mean = dataset.get("mean_loss", 0.0)
    if not is_worse(loss, mean):
        return ""
    return (
        f"the model does worse than the mean of its data: test MSE {loss:.4g}, where answering "
        f"every row of {dataset['name']} with their mean gives {mean:.4g}"
    )
