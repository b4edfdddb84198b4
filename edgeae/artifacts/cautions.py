"""Warnings about a bundle's figures, whether or not they are within the tolerance."""

from collections.abc import Iterable, Mapping
from typing import Any

from edgeae.artifacts.manifest import Manifest
from edgeae.artifacts.model import Training
from edgeae.metrics.loss import is_worse

#: A caution reports a loss of more than this many times the reference's.
_MUCH = 1.5
#: Recipes that lose little if one scale does not fit all values of a tensor.
_GENTLE = ("dynamic", "int16x8")
#: Axes of rows that can be standardised: columns, or samples and channels.
_MOST_AXES = 2


def of_bundles(manifests: Iterable[Manifest]) -> list[str]:
    """Return a line per caution, `model: …` or `model/recipe: …`, without duplicates."""
    sentences: dict[str, None] = {}
    for item in manifests:
        original, export = of_original(item), of_export(item)
        if original:
            sentences[f"{item.model}: {original}"] = None
        if export:
            sentences[f"{item.model}/{item.recipe}: {export}"] = None
    return list(sentences)


def of_export(manifest: Manifest) -> str:
    """Return the caution that an export lost much against its reference; or an empty string."""
    loss = manifest.loss
    ratio = loss.yardstick_ratio if loss else None
    if loss is None or ratio is None or ratio <= _MUCH:
        return ""
    whose = "original" if loss.control is None else "control"
    gentle = " or ".join(name for name in _GENTLE if name != manifest.recipe)
    lost = f"the loss, {loss.exported:.4g}, is {ratio:.3g} times the {whose}'s"
    if not _has_uneven_columns(manifest):
        return f"{lost}; a remedy: use the recipe {gentle}"
    return (
        f"{lost}; remedies: standardise the columns before training (--standardize), so that one "
        f"scale fits all, or use the recipe {gentle}"
    )


def _has_uneven_columns(manifest: Manifest) -> bool:
    """Return whether the rows may have columns on scales of their own.

    Neither bytes, which become 0 to 1, nor images have; standardised columns no longer have.
    """
    bytes_or_scaled = manifest.normalization["scale"] != 1.0
    rows = next(item.input for item in manifest.artifacts if item.part != "decoder")
    flat = len(rows.values) <= _MOST_AXES
    return flat and not bytes_or_scaled and manifest.standardization is None


def of_original(manifest: Manifest) -> str:
    """Return the caution that the original is worse than the mean of its data; or ''."""
    loss = manifest.loss
    return "" if loss is None else _worse(loss.float32, manifest.dataset)


def of_training(training: Training) -> str:
    """Return the caution that a model is worse than the mean of its data; or an empty string."""
    return _worse(training.losses.get("test", 0.0), training.dataset)


def _worse(loss: float, dataset: Mapping[str, Any]) -> str:
    mean = dataset.get("mean_loss", 0.0)
    if not is_worse(loss, mean):
        return ""
    return (
        f"the model does worse than the mean of its data: its test MSE is {loss:.4g}, but "
        f"answering every row of {dataset['name']} with the mean row gives {mean:.4g}"
    )
