"""Options of the commands that other programs show: TensorBoard and MLflow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeae.cli.output import say

if TYPE_CHECKING:
    from edgeae.sweep.result import Sweep
    from edgeae.tracking.run import Run

Tensorboard = Annotated[
    bool,
    typer.Option(
        "--tensorboard",
        help="Write each model's curve for TensorBoard, into build/tensorboard; also that of a "
        "model that is up to date.",
    ),
]
Mlflow = Annotated[
    bool,
    typer.Option(
        "--mlflow",
        help="Log to the MLflow server at MLFLOW_TRACKING_URI, also what is up to date and not "
        "there yet.",
    ),
]


class Tracking:
    """What is shown of a command's work.

    Args:
        mlflow: whether to log runs after the work; else the methods that log do nothing.
        tensorboard: whether `curves` writes them; else it does nothing.

    Raises:
        EdgeaeError: MLflow is asked for and does not answer; see `edgeae.tracking.mlflow`.
    """

    def __init__(self, mlflow: bool, tensorboard: bool = False) -> None:
        self._mlflow, self._tensorboard = None, tensorboard
        if mlflow:
            from edgeae.tracking.mlflow import Mlflow as Client

            self._mlflow = Client()

    def curves(self, folders: Iterable[Path]) -> None:
        """Write the curve of each trained model, if it is not there, and say how they are shown.

        Raises:
            Busy: another process is training a model.
            OSError: a curve cannot be written.
        """
        found = list(folders) if self._tensorboard else []
        if not found:
            return
        from edgeae.artifacts.model import open_model
        from edgeae.tracking.tensorboard import Board, place
        from edgeae.training.current import writing

        for folder in found:
            with writing(folder):
                training = open_model(folder)
                Board(folder, training.configuration).finish(training)
        say(f"curves: tensorboard --logdir {place(found[0]).parent}")

    def trainings(self, folders: Iterable[Path]) -> int:
        """Log a run for each model; return the exit code of a failure, or 0."""
        if self._mlflow is None:
            return 0
        from edgeae.artifacts.model import open_model
        from edgeae.tracking.run import of_training

        return self._log([of_training(folder, open_model(folder)) for folder in folders])

    def bundles(self, links: Iterable[Path]) -> int:
        """Log a run for each bundle; return the exit code of a failure, or 0."""
        if self._mlflow is None:
            return 0
        from edgeae.artifacts.bundle import open_bundle
        from edgeae.artifacts.model import open_model
        from edgeae.tracking.run import of_bundle

        runs = [of_bundle(open_bundle(link), open_model(link.parent)) for link in links]
        return self._log(runs)

    def sweep(self, sweep: Sweep, build: Path) -> int:
        """Log a run for a sweep, and one below it for each model and bundle; return likewise."""
        if self._mlflow is None:
            return 0
        from edgeae.artifacts.bundle import open_bundle
        from edgeae.artifacts.model import open_model
        from edgeae.sweep.result import place
        from edgeae.tracking.run import of_bundle, of_sweep, of_training

        models = {name: open_model(build / name) for name in sweep.trained}
        runs = [of_training(build / name, training) for name, training in models.items()]
        for cell in sweep.cells:
            if cell.loss is not None:
                bundle = open_bundle(build / cell.name)
                runs.append(of_bundle(bundle, models[cell.model], cell.counted))
        tables = {"grid": sweep.grid, "train": sweep.train, "evaluate": sweep.evaluate}
        tables["budget"] = sweep.budget
        return self._log([of_sweep(sweep.name, place(build, sweep.name), tables, tuple(runs))])

    def _log(self, runs: list[Run]) -> int:
        from edgeae.errors import EdgeaeError

        assert self._mlflow is not None
        if not runs:
            return 0
        try:
            say(self._mlflow.log(runs))
        except EdgeaeError as error:
            say(f"edgeae: not logged: {error}; the same command logs what is missing")
            return error.code
        return 0
