"""Writes an imported model to its folder once everything is known; until then the old one stays."""

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
    """Write the original and `train.json`, and remove the files of a model of another form.

    Args:
        request: the import; the caller holds the lock of its folder.
        dataset: data on which the model was evaluated.
        subject: facts about the model.
        content: bytes of the original's file; None for a model that was imported as is.

    Raises:
        BadInput: a figure of the model is NaN or infinite; nothing is written.
    """
    record = training(request, dataset, subject)
    try:
        text = record.to_json()
    except ValueError:
        raise BadInput(
            f"{request.paths[0]}: outputs NaN, infinity or values that overflow float32 on the "
            f"rows of {record.dataset['name']}"
        ) from None
    # train.json last: it names the hash of the original, so a kill in between is noticed
    if content is not None:
        atomic.write_bytes(request.folder / str(record.file), content)
    atomic.write_text(request.folder / TRAIN, text)
    left = [name for name in (*ORIGINALS.values(), SHEET) if name != record.file]
    if record.as_is_sha256 is None:
        left.append(AS_IS)  # a link; without it, nothing refers to its folder
    for name in left:
        (request.folder / name).unlink(missing_ok=True)
    return Imported(record, subject.choice)


def require_worth(request: Request, dataset: Dataset, losses: dict[str, float]) -> None:
    """Check that the model has a lower loss than the mean row, unless the request allows a higher.

    Args:
        request: the import.
        dataset: data on which the model was evaluated.
        losses: `test` → MSE on the test rows; empty if the model has no reconstruction.

    Raises:
        BadInput: the loss is higher; the message has both losses.
    """
    loss, mean = losses.get("test", 0.0), dataset.mean_loss
    if request.allow_worse_than_mean or not is_worse(loss, mean):
        return
    if not math.isfinite(loss):
        return  # `publish` rejects such a model in any case
    paths = ", ".join(map(str, request.paths))
    raise BadInput(
        f"{paths}: does worse than the mean of its data: test MSE {loss:.4g}, where answering "
        f"every row of {dataset.name} with their mean gives {mean:.4g}; --scale and --offset "
        "convert the rows to the range that the model was trained on, --data names another "
        "dataset, --allow-worse-than-mean imports the model anyway"
    )
