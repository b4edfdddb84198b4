"""What the child of an export reads, so that another machine can be given the same."""

from dataclasses import dataclass, field
from pathlib import Path

from edgeae.artifacts.model import TRAIN, Training
from edgeae.compression import control_cache
from edgeae.conversion.plan.controls import TEST, control_of
from edgeae.data.inputs import inputs_of as rows_of
from edgeae.recipe import Recipe
from edgeae.scheduling.task import Folder


@dataclass(frozen=True)
class Inputs:
    """The files that an export reads, and how its job calls them.

    Attributes:
        reads: name → a folder; `model` among them.
        rows: what replaces the paths that the model's record has: `data`, `train_data`.
        variables: variables of the child's environment.
    """

    reads: dict[str, Folder] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


def inputs_of(
    folder: Path, training: Training, recipe: Recipe, judged_on: str | None = TEST
) -> Inputs:
    """Return the files that the export of a model under a recipe reads.

    The losses of the equal-budget control are among them if they are known when the export is sent,
    as a worker that does not get them trains the control.

    Args:
        folder: the model's folder.
        training: its record.
        recipe: the recipe.
        judged_on: the images of the control's losses, see `control_of`; None if none are read.

    Raises:
        BadInput: MNIST is not available.
        OSError: a folder of data cannot be listed.
    """
    found = Inputs()
    files = (TRAIN, *filter(None, [training.file]))
    made: tuple[str, ...] = ()
    if recipe.fine_tunes and judged_on is not None:
        kept = control_of(folder, training, recipe, judged_on)
        # a damaged file is not sent: what a worker makes will replace it
        if control_cache.read(kept) is not None or not kept.exists():
            made = (str(kept.relative_to(folder)),)
    found.reads["model"] = Folder(folder, files, made)
    for key, data in (("data", training.data), ("train_data", training.train_data)):
        if data is not None:
            reads, said, variables = rows_of(key, data)
            found.reads.update(reads)
            found.variables.update(variables)
            if said != data:
                found.rows[key] = said
    return found
