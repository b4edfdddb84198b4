"""The executor of this machine: threads, each of which runs one child process at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from edgeae.errors import EdgeaeError, system_error
from edgeae.scheduling.reports import reports
from edgeae.scheduling.task import OUT, Done, Task, filled
from edgeae.system import children


class Local:
    """Runs tasks in child processes of this process; see `Executor`.

    Args:
        jobs: number of children at once.
    """

    def __init__(self, jobs: int) -> None:
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(children.threads(jobs))
        self._running: list[Future[Done]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)  # ends the children after an error

    def submit(self, task: Task) -> None:
        if task.on or task.resources:
            raise ValueError(f"{task.name}: only a worker of a cluster has a name and resources")
        self._running.append(self._pool.submit(_run, task))

    def completed(self) -> Iterator[Done]:
        running, self._running = self._running, []
        for done in as_completed(running):
            yield done.result()

    def cancel(self) -> None:
        with children.ended():
            self._pool.shutdown(cancel_futures=True)


def _run(task: Task) -> Done:
    start = time.monotonic()
    reported: list[children.Message] = []
    error: EdgeaeError | None = None
    try:
        with task.into() as out:
            places = {name: str(folder.path) for name, folder in task.reads.items()}
            places[OUT] = str(out)
            reported = reports(
                task.module,
                filled(task.job, places),
                task.say,
                task.timeout_s,
                variables=filled(task.variables, places),
            )
    except EdgeaeError as found:
        error = found
    except OSError as found:
        error = system_error(found)
    kept = () if error is not None else tuple(reported)
    return Done(task, kept, error, time.monotonic() - start)
