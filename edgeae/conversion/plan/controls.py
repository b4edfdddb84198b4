"""Where the losses of a model's equal-budget controls are, and how they come from a worker.

A task on another machine writes the losses of a control that it trained into `.controls` of its own
folder, as an export of this machine does into that of the model's folder. The client moves them
from the one to the other before anything is published, so that no bundle contains them.
"""

import shutil
from pathlib import Path

from edgeae.artifacts.model import Training
from edgeae.compression import control_cache
from edgeae.conversion.plan.tools import control_versions
from edgeae.recipe import Recipe

#: The seed of exports, and of their controls.
SEED = 0
#: The images on which a control is judged: those of an export, and those of a choice.
TEST, VALIDATION = "test", "validation"


def control_of(folder: Path, training: Training, recipe: Recipe, judged_on: str = TEST) -> Path:
    """Return the file of the control's losses; it may not exist yet.

    Args:
        folder: the model's folder, or that of a task on another machine.
        training: the model's record.
        recipe: the recipe, which fine-tunes.
        judged_on: `TEST` or `VALIDATION`.
    """
    return control_cache.place(folder, recipe, training, SEED, control_versions(), judged_on)


def bring_control(
    out: Path, folder: Path, training: Training, recipe: Recipe, judged_on: str = TEST
) -> None:
    """Move the control that a worker trained, if it trained one, to the model's folder.

    Args:
        out: the folder that the task filled; it has no `.controls` afterwards.
        folder: the model's folder.
        training, recipe, judged_on: see `control_of`.

    Raises:
        ManifestMismatch: the file is damaged, or of another number of images.
    """
    made = control_of(out, training, recipe, judged_on)
    if made.exists():
        kept = control_of(folder, training, recipe, judged_on)
        control_cache.receive(made, kept, training.dataset.get(judged_on))
    shutil.rmtree(made.parent, ignore_errors=True)
