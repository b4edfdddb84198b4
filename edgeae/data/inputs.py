"""The files of a dataset as what a task reads, so that another machine can be given the same."""

from pathlib import Path

from edgeae.data.find import is_path
from edgeae.data.idx import is_idx
from edgeae.data.mnist import VARIABLE as MNIST
from edgeae.data.mnist import find_mnist
from edgeae.scheduling.task import Folder


def inputs_of(name: str, data: str) -> tuple[dict[str, Folder], str, dict[str, str]]:
    """Return what a task needs in order to load a dataset.

    Args:
        name: what the task calls the folder of the rows, such as `data`.
        data: a dataset's name or path.

    Returns:
        name → a folder to read; what the task's job calls the dataset; and the variables of the
        child's environment.

    Raises:
        BadInput: MNIST is not available.
        OSError: a folder of data cannot be listed.
    """
    if is_path(data):
        folder, said = _rows(name, Path(data))
        return {name: folder}, said, {}
    if data == "mnist":
        folder, said = _rows("mnist", find_mnist())
        return {"mnist": folder}, data, {MNIST: said}
    return {}, data, {}


def _rows(name: str, path: Path) -> tuple[Folder, str]:
    """Return a file or folder of rows as the folder called `name`, and its path in a job."""
    if not path.is_dir():
        return Folder(path.parent, (path.name,)), f"{{{name}}}/{path.name}"
    there = path.resolve()  # the dataset has the name of the folder that a link leads to
    return Folder(there, tuple(sorted(item.name for item in there.iterdir() if is_idx(item)))), (
        f"{{{name}}}"
    )
