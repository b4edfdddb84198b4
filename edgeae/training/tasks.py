"""Trainings as tasks of an executor: other machines train, and this one publishes.

This module needs no TensorFlow; the child processes, `edgeae.training.child`, load it.
"""

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from edgeae import __version__
from edgeae.artifacts.model import KERAS, SHEET, TRAIN, open_model
from edgeae.data import AS_STORED, Reading, absolute
from edgeae.data.inputs import inputs_of
from edgeae.errors import EdgeaeError, ManifestMismatch, system_error
from edgeae.families.settings import Settings
from edgeae.scheduling.task import OUT, Done, Executor, Task
from edgeae.system import atomic
from edgeae.system.scratch import scratch
from edgeae.training.current import current_on, tool_versions, trained_as, writing
from edgeae.training.journal import FOLDER

_CHILD = "edgeae.training.child"
#: Trainings have no limit of their own; a week tells a child that hangs from one that trains.
_TIMEOUT_S = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Asked:
    """A model to train.

    Attributes:
        folder: `build/<model>`.
        settings: the settings of its training.
        data: a dataset's name or path; `auto` is none.
        sha256: the identity of the dataset.
        reading: how its rows are read.
    """

    folder: Path
    settings: Settings
    data: str
    sha256: str
    reading: Reading = AS_STORED

    @property
    def is_current(self) -> bool:
        """Whether the folder holds what the training would make."""
        return current_on(self.folder, self.settings, self.sha256, self.reading) is not None


def train_on(
    executor: Executor,
    asked: Mapping[str, Asked],
    *,
    force: bool = False,
    say: Callable[[str], None],
    moved: Callable[[str, str, str], None] = lambda name, event, worker: None,
    one_core: bool = False,
) -> Generator[tuple[str, int, str]]:
    """Train models on an executor's machines; a failure does not stop the others.

    What a worker has trained by half stays there: a task that runs again trains from the start.

    Args:
        executor: runs the trainings; it is closed.
        asked: a name for each training → the model to train.
        force: also train models that are up to date.
        say: receives each line that a training prints.
        moved: receives a training's name with what `Task.moved` gets.
        one_core: whether each child computes on a core of its own; see `system.one_core`.

    Yields:
        the name, the exit code and the error in one line, as soon as the training is published or
        has failed; as `zoo.train_each` does.

    Raises:
        EdgeaeError: no further training can run; those that were yielded stay.
        KeyboardInterrupt: Ctrl-C; the trainings are ended on all machines.
    """
    with executor:
        names: dict[Task, str] = {}
        for name, model in asked.items():
            if not force and model.is_current:
                say(f"{model.folder}: up to date")
                yield name, 0, ""
                continue
            try:
                task = _task(model, say, partial(moved, name))
            except EdgeaeError as error:
                yield name, error.code, str(error)
                continue
            if one_core:
                task = task.on_one_core()
            names[task] = name
            executor.submit(task)
        for done in executor.completed():
            yield _ended(names[done.task], done)


def _ended(name: str, done: Done) -> tuple[str, int, str]:
    return (name, 0, "") if done.error is None else (name, done.error.code, str(done.error))


def _task(model: Asked, say: Callable[[str], None], moved: Callable[[str, str], None]) -> Task:
    """Return a training as a task of any machine: it names all that it reads.

    Raises:
        EdgeaeError: the data cannot be found, or TensorFlow is not installed.
    """
    try:
        reads, data, variables = inputs_of("data", absolute(model.data))
    except OSError as error:
        raise system_error(error) from None
    name = model.folder.name
    return Task(
        name=name,
        module=_CHILD,
        job={
            "model": name,
            "settings": asdict(model.settings),
            "data": data,
            "recorded": absolute(model.data),
            "reading": model.reading.to_json(),
            "out": f"{{{OUT}}}",
        },
        into=lambda: _published(model),
        say=lambda doing: say(doing if doing.startswith("train ") else f"train {name}: {doing}"),
        reads=reads,
        variables=variables,
        versions={"edgeae": __version__, **tool_versions()},
        timeout_s=_TIMEOUT_S,
        moved=moved,
    )


@contextlib.contextmanager
def _published(model: Asked) -> Iterator[Path]:
    """Yield an empty folder; check and publish the model in it as the block ends."""
    with writing(model.folder), scratch() as place:
        yield place
        made = place / model.folder.name
        _check(made, model)
        # train.json is last: it contains model.keras's hash, which reveals a kill in between
        for name in (KERAS, SHEET, TRAIN):
            atomic.write_bytes(model.folder / name, (made / name).read_bytes())
        shutil.rmtree(model.folder / FOLDER, ignore_errors=True)  # of a training that was killed


def _check(made: Path, model: Asked) -> None:
    """Check that a folder holds the model that was asked for, whole.

    Raises:
        EdgeaeError: it does not.
    """
    training = open_model(made)
    if not trained_as(training, model.settings) or training.dataset["sha256"] != model.sha256:
        raise ManifestMismatch(
            f"{model.folder}: the worker trained with other settings or rows than were asked for"
        )
