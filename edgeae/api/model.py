"""`edgeae.Model`, a trained model on disk, and `edgeae.export`, which makes bundles of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeae.api.bundle import Bundle
from edgeae.api.opening import open as open_bundle
from edgeae.api.telling import ProgressTo, teller
from edgeae.artifacts.model import Training, find_model, open_model
from edgeae.errors import about


@dataclass(frozen=True)
class Model:
    """A trained model on disk.

    Attributes:
        folder: its folder, `build/<model>`.
        training: the content of its `train.json`: settings, data, losses, sizes and hashes.
    """

    folder: Path
    training: Training

    @classmethod
    def at(cls, folder: Path) -> "Model":
        """Read the model in a folder.

        Raises:
            BadInput: there is no model, or its `train.json` is damaged.
            ManifestMismatch: the original's file is not the one that was trained.
        """
        return cls(folder, open_model(folder))

    @property
    def name(self) -> str:
        """The model's name, such as `deep`."""
        return self.training.model

    @property
    def losses(self) -> dict[str, float]:
        """Mean squared errors on the `validation` and the `test` rows."""
        return self.training.losses

    def export(self, recipe: str = "int8", **options: Any) -> Bundle:
        """Export this model; see `edgeae.export`."""
        return export(self, recipe, **options)

    def __repr__(self) -> str:
        loss = self.losses.get("test", float("nan"))
        return f"<edgeae.Model {self.name}: {self.training.description}, test MSE {loss:.5f}>"


def export(
    model: Model | str | os.PathLike[str],
    recipe: str = "int8",
    *,
    settings: Sequence[str] = (),
    build: str | os.PathLike[str] = "build",
    force: bool = False,
    progress: ProgressTo = False,
) -> Bundle:
    """Export a model under a recipe, as `edgeae export`, and open the bundle.

    A child process converts it, with TensorFlow; a bundle that is up to date is only opened.

    Args:
        model: a model, its folder, or its name below `build`.
        recipe: name of a recipe, or the path of its `.toml`.
        settings: changes of the recipe, as `prune.sparsity=0.8`.
        build: the folder of models.
        force: export again even if the bundle is up to date.
        progress: True prints progress to standard error; a function gets its lines.

    Raises:
        BadInput: there is no such model or recipe, or the model cannot be exported under it.
        RuntimeUnavailable: TensorFlow or a converter is not installed.
    """
    from edgeae import recipe as recipes
    from edgeae.conversion.plan.export import ExportCell, settle
    from edgeae.conversion.plan.export import export as run

    folder = model.folder if isinstance(model, Model) else find_model(Path(build), os.fspath(model))
    cell = ExportCell(folder, recipes.find(recipe, settings), tuple(settings))
    settled, stale = settle([cell], named=True, force=force)
    for outcome in (*settled, *run(stale, jobs=1, say=teller(progress))):
        if outcome.error is not None:
            with about(cell.link):
                raise outcome.error
    return open_bundle(cell.link)
