"""A task, its result, and the protocol of what runs tasks.

A task is a child process (`edgeae.system.children`) and its job. Its job is JSON in which `{NAME}`
at the start of a text stands for a folder, as the folder has another path on another machine:
`{"model": "{model}", "out": "{out}"}`. The task reads the folders that it names, of which only the
named files are promised to be there, and writes into `{out}`. It may read nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from edgeae.errors import EdgeaeError, RuntimeUnavailable
from edgeae.system.children import Message
from edgeae.system.tied import ONE_CORE

#: The name of the folder that a task writes.
OUT = "out"
#: What happens to a task on a cluster: a worker gets it, or is lost while it runs it.
SENT, LOST = "sent", "lost"
#: The resource of workers that measure: `dask worker --resources "bench=1"`.
BENCH = "bench"


class NoWorker(RuntimeUnavailable):
    """No worker of a cluster can run a task, and none came within the time to wait for one."""


@dataclass(frozen=True)
class Folder:
    """A folder that a task reads.

    Attributes:
        path: the folder on this machine; on another one, its last name is the same.
        files: the files that the task needs, as paths relative to the folder.
        made: files that the task can make itself, and gets if they are there when it is first sent:
            another task may have made them meanwhile.
    """

    path: Path
    files: tuple[str, ...]
    made: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.path.name in ("", ".."):  # of `build/..`, which is no name elsewhere
            object.__setattr__(self, "path", self.path.resolve())


@dataclass(frozen=True)
class Needs:
    """What a worker must have to run a task.

    Attributes:
        versions: package → version, `edgeae` among them.
        resources: resource that the worker declares → how much of it the task takes. A worker that
            declares `BENCH` is kept for the tasks that take it.
        on: the worker's name; empty for any worker.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)
    on: str = ""


@dataclass(frozen=True, eq=False)
class Task:
    """A child process to run, somewhere.

    Attributes:
        name: what people call it, such as `deep/int8`.
        module: the module that the child runs.
        job: the child's job; see the module's docstring.
        into: opens the empty folder that gets the task's files. It is opened before the task
            starts, and left without an error only when all files are there: leaving it publishes
            them. On a cluster, too, it is the client's folder, opened by the client.
        say: receives a line for each `{"doing": …}` of the child, in any thread.
        reads: name → a folder that the task reads.
        variables: the child's variables of the environment; `{NAME}` as in a job.
        versions, resources, on: see `Needs`; without a cluster there are no resources, and no
            workers to name.
        timeout_s: the longest run time of the child, in seconds.
        moved: receives `SENT` or `LOST` and the worker's name, as it happens; in the thread that
            takes what has ended. Without a cluster, nothing is sent.
    """

    name: str
    module: str
    job: Mapping[str, Any]
    into: Callable[[], AbstractContextManager[Path]]
    say: Callable[[str], None]
    reads: Mapping[str, Folder] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)
    on: str = ""
    timeout_s: float = 1800.0
    moved: Callable[[str, str], None] = lambda event, worker: None

    def on_one_core(self) -> "Task":
        """Return the same task, whose child computes on a core of its own."""
        return replace(self, variables={**self.variables, **ONE_CORE})

    @property
    def needs(self) -> Needs:
        """What its worker must have."""
        return Needs(self.versions, self.resources, self.on)


@dataclass(frozen=True)
class Done:
    """The end of a task.

    Attributes:
        task: the task.
        reports: what the child reported, apart from `{"doing": …}`; empty after an error.
        error: why it failed, or None.
        seconds: from its start to its publication, in seconds.
        worker: name of the worker that answered; empty on this machine, or if none did.
    """

    task: Task
    reports: tuple[Message, ...]
    error: EdgeaeError | None
    seconds: float
    worker: str = ""


class Executor(Protocol):
    """What runs tasks.

    It is a context manager: leaving the block with an error, as by Ctrl-C, cancels all tasks.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def submit(self, task: Task) -> None:
        """Take a task; the tasks start in the order in which they are submitted."""

    def completed(self) -> Iterator[Done]:
        """Yield each submitted task when it has ended; a failure does not stop the others.

        Raises:
            EdgeaeError: no further task can run; what was yielded before stays published.
        """

    def cancel(self) -> None:
        """End the tasks that run, and start no other; their folders are deleted."""


def filled(value: Any, places: Mapping[str, str]) -> Any:
    """Return a JSON value with `{NAME}` at the start of each text replaced by NAME's folder.

    Args:
        value: a job, or a part of one.
        places: name → folder.
    """
    if isinstance(value, str):
        for name, place in places.items():
            if value.startswith(f"{{{name}}}"):
                return place + value[len(name) + 2 :]
        return value
    if isinstance(value, Mapping):
        return {key: filled(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, places) for item in value]
    return value
