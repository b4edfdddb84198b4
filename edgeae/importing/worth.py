"""Refuse a model that does worse than the mean of its data: the two do not belong together."""

import math

from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.importing.request import Request
from edgeae.metrics.loss import is_worse


def require_worth(request: Request, dataset: Dataset, losses: dict[str, float]) -> None:
    """Refuse such a model, unless the request allows it.

    Args:
        request: what is imported.
        dataset: what the model was judged on.
        losses: MSE on its `test` rows; empty where nothing reconstructs.

    Raises:
        BadInput: gives both figures.
    """
    loss, mean = losses.get("test", 0.0), dataset.mean_loss
    if request.allow_worse_than_mean or not is_worse(loss, mean):
        return
    if not math.isfinite(loss):
        return  # refused for that, allowed or not: see `publish`
    paths = ", ".join(map(str, request.paths))
    raise BadInput(
        f"{paths}: does worse than the mean of its data: test MSE {loss:.4g}, where answering "
        f"every row of {dataset.name} with their mean gives {mean:.4g}; --scale and --offset bring "
        "the rows to what the model was trained on, --data names others, "
        "--allow-worse-than-mean takes it as it is"
    )
