"""What of a sweep is there already: datasets, models that are up to date, and their bundles."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edgeae import data as datasets
from edgeae.artifacts.model import Training
from edgeae.conversion.plan.export import ExportCell
from edgeae.errors import BadInput
from edgeae.sweep.plan import Cell, Model, Plan
from edgeae.training.current import current_on, tool_versions


@dataclass(frozen=True)
class Source:
    """A dataset of the grid.

    Attributes:
        data: its name or path, in place of `auto`.
        sha256: its identity.
        rows: number of training rows.
    """

    data: str
    sha256: str
    rows: int


def sources(plan: Plan, *, download: bool, say: Callable[[str], None]) -> dict[str, Source]:
    """Return each value of `data` → its dataset, loaded once and not kept in memory.

    Args:
        plan: the sweep.
        download: whether MNIST may be downloaded.
        say: receives a message that names each dataset.

    Raises:
        BadInput: a dataset does not exist, is not valid, or has no training rows.
    """
    found = {}
    for name in dict.fromkeys(model.data for model in plan.models):
        try:
            dataset = datasets.load(name, download=download, say=say)
            datasets.require_trainable(dataset)
        except BadInput as error:
            raise BadInput(f"grid.data = {name!r:.60}: {error}") from None
        where = dataset.name if name == "auto" else name
        found[name] = Source(where, dataset.sha256, len(dataset.train))
    return found


def trained(models: Iterable[Model], build: Path, found: dict[str, Source]) -> dict[str, Training]:
    """Return model → its training, of the models that are up to date.

    Raises:
        RuntimeUnavailable: TensorFlow is not installed.
    """
    tool_versions()
    current = {
        model.name: current_on(build / model.name, model.settings, found[model.data].sha256)
        for model in models
    }
    return {name: training for name, training in current.items() if training is not None}


def export_cell(cell: Cell, build: Path) -> ExportCell:
    """Return the bundle of a cell."""
    return ExportCell(build / cell.model.name, cell.recipe)


def beyond(training: Training, limit: float | None) -> str:
    """Return why a model is not exported; empty if its loss is within the limit."""
    loss = training.losses["test"]
    if limit is None or loss <= limit:
        return ""
    return f"float loss {loss:.6f} is above budget.loss = {limit:g}"
