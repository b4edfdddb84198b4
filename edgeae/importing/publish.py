"""Put an imported model in its folder: what was there before stays until all of it is known."""

import math

from edgeae.artifacts.model import AS_IS, ORIGINALS, SHEET, TRAIN
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.importing.record import Subject, training
from edgeae.importing.request import Imported, Request
from edgeae.metrics.loss import is_worse
from edgeae.system import atomic


def publish(
    request: Request, dataset: Dataset, subject: Subject, content: bytes | None
) -> Imported:
    """Write the original and `train.json`, and remove what belongs to another form of model.

    Args:
        request: whose folder is held.
        dataset: what the model was judged on.
        subject: what was found out about it.
        content: of the original's file; None of a model that came as is.

    Raises:
        BadInput: a figure of the model is NaN or infinite; nothing is written.
    """
    record = training(request, dataset, subject)
    try:
        text = record.to_json()
    except ValueError:
        raise BadInput(
            f"{request.paths[0]}: answers NaN or infinity, or more than float32 holds, to the "
            f"rows of {record.dataset['name']}"
        ) from None
    # train.json last: it names the hash of the original, so a kill in between is noticed
    if content is not None:
        atomic.write_bytes(request.folder / str(record.file), content)
    atomic.write_text(request.folder / TRAIN, text)
    left = [name for name in (*ORIGINALS.values(), SHEET) if name != record.file]
    if record.form != AS_IS:
        left.append(AS_IS)  # a link; its folder is found by nobody any more
    for name in left:
        (request.folder / name).unlink(missing_ok=True)
    return Imported(record, subject.choice)


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
