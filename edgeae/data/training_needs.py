"""What a training needs of a dataset."""

from edgeae.data.dataset import Dataset
from edgeae.errors import BadInput


def require_trainable(dataset: Dataset) -> None:
    """Refuse representative rows.

    Raises:
        BadInput: there are no rows for training.
    """
    if not dataset.trainable:
        raise BadInput(
            f"{dataset.origin}: representative rows alone; a training needs an .npz with x_train "
            "and x_test"
        )


def require_unit(dataset: Dataset) -> None:
    """Refuse what a family cannot be trained on: its output is a sigmoid.

    Raises:
        BadInput: a value is outside [0, 1], or there are no rows for training.
    """
    require_trainable(dataset)
    for part in ("train", "validation", "test"):
        real = dataset.images(part, dataset.test.shape[1:])
        low, high = float(real.min()), float(real.max())
        if low < 0 or high > 1:
            key = "x_test" if part == "test" else "x_train"
            raise BadInput(
                f"{dataset.origin}: {key} ranges from {low:g} to {high:g}; floats must be in [0, 1]"
            )
