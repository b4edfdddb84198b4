"""A device that is a worker of a cluster: it runs tasks one after another, on its own engines.

It declares the resource `BENCH`, so that nothing else of edgeae's runs there meanwhile: not those
of another client either.
"""

from collections.abc import Callable, Mapping
from typing import Any

from edgeae import __version__
from edgeae.scheduling.task import BENCH, Done, Executor, Folder, Needs, NoWorker, Task
from edgeae.system.scratch import scratch


def needs(on: str) -> Needs:
    """Return what the worker of a device must have: this edgeae, and not what trains or exports.

    Args:
        on: the worker's name; empty for any worker that declares `BENCH`.
    """
    return Needs({"edgeae": __version__}, {BENCH: 1}, on)


class Device:
    """One worker: the named one, or the one that runs the first task.

    Args:
        executor: runs the tasks; nothing else is submitted to it meanwhile.
        on: the worker's name; empty for any worker that declares `BENCH`.
        say: receives messages of one line.
    """

    def __init__(self, executor: Executor, on: str, say: Callable[[str], None]) -> None:
        self._executor, self._say = executor, say
        self.name = on

    def run(
        self,
        name: str,
        module: str,
        job: Mapping[str, Any],
        reads: Mapping[str, Folder],
        timeout_s: float,
    ) -> Done:
        """Run a child process on the device; see `Task` for the arguments.

        Raises:
            NoWorker: the device is not there, or not any more.
            EdgeaeError: the scheduler is gone.
        """
        must = needs(self.name)
        task = Task(
            name=name,
            module=module,
            job=job,
            into=scratch,
            say=self._tell,
            reads=reads,
            versions=must.versions,
            resources=must.resources,
            on=must.on,
            timeout_s=timeout_s,
        )
        self._executor.submit(task)
        (done,) = self._executor.completed()
        if isinstance(done.error, NoWorker):
            raise done.error
        self.name = self.name or done.worker
        return done

    def _tell(self, line: str) -> None:
        if line != f"on worker {self.name}":  # of each task the same
            self._say(f"{self.name}: {line}" if self.name else line)
