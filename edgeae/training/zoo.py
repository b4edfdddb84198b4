"""The zoo: train every family with its defaults, each in a child process.

This module needs no TensorFlow; the child processes, `edgeae train FAMILY`, load it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edgeae.errors import EXIT_PRIORITY, RuntimeCrashed
from edgeae.scheduling.task import Executor
from edgeae.system import tied
from edgeae.training.tasks import Asked, train_on

_COMMAND = (sys.executable, "-P", "-m", "edgeae", "train")
#: Seconds that an interrupted training has to write its best epoch.
_GRACE_S = 60.0
#: Prefix of an error's line on standard error.
_ERROR = "edgeae: "


@dataclass(frozen=True)
class TrainingOutcome:
    """The result of a family's training.

    Attributes:
        family: the family's name.
        folder: the model's folder.
        code: the training's exit code.
        error: the error in one line; empty if the exit code is 0.
    """

    family: str
    folder: Path
    code: int
    error: str


def train_all(
    asked: Mapping[str, Asked],
    *,
    jobs: int,
    force: bool,
    say: Callable[[str], None],
    tensorboard: bool = False,
    cluster: Executor | None = None,
) -> Generator[TrainingOutcome]:
    """Train each family whose model is not up to date; a failure does not stop the others.

    Args:
        asked: family → its model, with the family's default settings.
        jobs: number of processes at once, on this machine.
        force: also train models that are up to date.
        say: receives each line that a training prints.
        tensorboard: write each model's curve as its training goes on, on this machine.
        cluster: trains on other machines; None for child processes of this one. It is closed.

    Yields:
        each family's result as soon as its training ends.

    Raises:
        KeyboardInterrupt: Ctrl-C; trainings of this machine keep their best epoch so far.
    """
    if cluster is None:
        last = ["--json", *(["--force"] if force else [])]
        last += ["--tensorboard"] if tensorboard else []
        commands = {
            family: [family, "--data", model.data, "--build", str(model.folder.parent), *last]
            for family, model in asked.items()
        }
        trained = train_each(commands, jobs=jobs, say=say)
    else:
        trained = train_on(cluster, asked, force=force, say=say)
    with closing(trained):
        for family, code, error in trained:
            yield TrainingOutcome(family, asked[family].folder, code, error)


def train_each(
    commands: Mapping[str, Sequence[str]],
    *,
    jobs: int,
    say: Callable[[str], None],
    one_core: bool = False,
) -> Generator[tuple[str, int, str]]:
    """Run `edgeae train` with the words of each command; a failure does not stop the others.

    Args:
        commands: a name for each command → the words after `edgeae train`.
        jobs: number of processes at once.
        say: receives each line that a training prints.
        one_core: whether each process computes on a core of its own; see `system.one_core`.

    Yields:
        the name, the exit code and the error in one line, as soon as the training ends.

    Raises:
        KeyboardInterrupt: Ctrl-C; the running trainings keep their best epoch so far.
    """
    pool = ThreadPoolExecutor(max_workers=jobs)
    with _Processes(tied.ONE_CORE if one_core else {}) as processes:
        try:
            running = {
                pool.submit(processes.run, [*_COMMAND, *words], say): name
                for name, words in commands.items()
            }
            for done in as_completed(running):
                yield (running[done], *done.result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def train_one(words: Sequence[str], say: Callable[[str], None]) -> tuple[int, str]:
    """Run `edgeae train` with these words in a child process.

    Returns:
        the training's exit code, and its error in one line; empty if the exit code is 0.

    Raises:
        KeyboardInterrupt: Ctrl-C; the training keeps its best epoch so far.
    """
    with _Processes({}) as processes:
        return processes.run([*_COMMAND, *words, "--json"], say)


class _Processes:
    """Child processes; at the end of the `with` block they are terminated, then killed."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False
        self._changing = threading.Lock()

    def __enter__(self) -> "_Processes":
        return self

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._ended = True
            left = list(self._running)
        try:
            for child in left:
                _signal(child, signal.SIGTERM)  # a child of a background job may ignore SIGINT
            for child in left:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_GRACE_S)
        finally:  # also after a second Ctrl-C
            for child in left:
                _signal(child, signal.SIGKILL)

    def run(self, command: Sequence[str], say: Callable[[str], None]) -> tuple[int, str]:
        """Run a child process to its end; return its exit code and its error line."""
        with self._changing:
            if self._ended:
                return 130, "not started"
            child = subprocess.Popen(
                tied.program(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, **self._variables},
                start_new_session=True,  # only the parent gets Ctrl-C; it ends the children
                text=True,
                errors="replace",
            )
            self._running.add(child)
        last = ""
        assert child.stderr is not None
        with child.stderr:
            for line in map(str.strip, child.stderr):
                last = line or last
                if line and not line.startswith(_ERROR):
                    say(line)
        code = child.wait()
        with self._changing:
            self._running.discard(child)
        return _told(code, last)


def _told(code: int, last: str) -> tuple[int, str]:
    if code == 0:
        return 0, ""
    if code < 0:
        return RuntimeCrashed.code, f"crashed with {signal.Signals(-code).name}"
    message = last.removeprefix(_ERROR) or f"ended with status {code}"
    # a child that another process interrupted has failed
    return code if code in EXIT_PRIORITY else RuntimeCrashed.code, message


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
