"""The unit in which a model answers whose first layers scale its input.

A model that scales the rows itself may have been trained to reconstruct the rows as they came, or
as its first layers made them. The loss tells which. edgeae's models answer in the unit of their
input; the last layer is converted where that is exact. This is work of a child process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.metrics.loss import mean_loss
from edgeae.metrics.parity import mse
from edgeae.training.fit import reconstruct

#: Layers that pass values on in the same order.
_SAME_ORDER = ("Flatten", "Reshape")
#: Linear layers → the axis of their kernel that counts the outputs.
_LINEAR = {
    **dict.fromkeys(("Dense", "Conv1D", "Conv2D"), -1),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), -2),
}


def maps(job: dict[str, Any]) -> dict[str, Any]:
    """Return what the layers did that were taken off a model's ends; see `scaling.Maps`."""
    return job.get("maps") or {"first": None, "last": None}


def forms(job: dict[str, Any]) -> list[dict[str, str]]:
    """Return `validation` and `test` → `.npy` for each form that the rows may have."""
    return [job["images"], *job.get("others", [])]


def after(step: dict[str, Any] | None, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values (…, columns) × scale + offset; unchanged if the step is None."""
    if step is None:
        return values
    mapped = values * np.asarray(step["scale"]) + np.asarray(step["offset"])
    return np.asarray(mapped, np.float32)


def fitting(job: dict[str, Any], model: Any) -> tuple[int, bool]:
    """Return the form of the rows that a model reconstructs best, and whether in their own unit.

    The losses are compared relative to those of the rows' mean, because forms differ in scale.

    Args:
        job: see `rebuild.rebuild`.
        model: the model without the layers that scale.

    Returns:
        place in `forms(job)`; whether its outputs are in the unit before its first layers.
    """
    first, last = maps(job)["first"], maps(job)["last"]
    if first is None:
        return 0, False
    losses = {}
    for place, images in enumerate(forms(job)):
        rows = np.load(images["test"])
        answers, worst = reconstruct(model, rows), mean_loss(rows) or 1.0
        losses[place, False] = mse(answers, rows) / worst
        if last is None:
            losses[place, True] = mse(after(first, answers), rows) / worst
    # NaN, which `publish` refuses, is never the least
    return min(losses, key=lambda item: np.nan_to_num(losses[item], nan=np.inf))


def convert(job: dict[str, Any], model: Any) -> str:
    """Convert the last layer's outputs to the unit of the model's input, in place; return its name.

    (W·h + b) × scale + offset is a layer with the kernel W × scale and the bias b × scale + offset.

    Raises:
        BadInput: the last layer is not linear, or has no bias.
    """
    layers = {item["name"]: item for item in job["layers"]}
    item = layers[job["output"]]
    while item["kind"] in _SAME_ORDER or _is_identity(item):
        item = layers[item["inputs"][0]]
    config = item["config"]
    linear = item["kind"] in _LINEAR and config.get("activation", "linear") == "linear"
    if not linear or not config.get("use_bias", True):
        raise _refusal(job, item)
    layer = model.get_layer(item["name"])
    kernel, bias = layer.get_weights()
    scale, offset = (np.asarray(maps(job)["first"][name]) for name in ("scale", "offset"))
    if len(bias) % max(scale.size, offset.size):
        raise _refusal(job, item)
    scale, offset = (np.resize(value, bias.shape) for value in (scale, offset))
    along = scale if _LINEAR[item["kind"]] == -1 else scale[:, np.newaxis]
    layer.set_weights(
        [(kernel * along).astype(np.float32), (bias * scale + offset).astype(np.float32)]
    )
    return str(item["name"])


def _is_identity(item: dict[str, Any]) -> bool:
    return bool(item["kind"] == "Activation" and item["config"]["activation"] == "linear")


def _refusal(job: dict[str, Any], item: dict[str, Any]) -> BadInput:
    return BadInput(
        f"{job['source']}: reconstructs the rows in their own unit, but its last layer, "
        f"{item['name']} ({item['kind']}), cannot be converted to the unit of its scaled input; "
        "allowed are a linear Dense or convolution with a bias at the end, "
        "Normalization(invert=True) at the end, or a model that reconstructs its scaled input"
    )
