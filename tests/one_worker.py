"""A cluster of one worker, without Dask: tasks do in this process what `on_worker` does on it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from edgeae.errors import EdgeaeError
from edgeae.scheduling import answer, on_worker
from edgeae.scheduling.store import Store
from edgeae.scheduling.task import Done, NoWorker, Task
from edgeae.system.atomic import sha256


class OneWorker:
    """An executor whose worker has a store of its own.

    Args:
        root: the worker's folder.
        name: the worker's name.

    Attributes:
        tasks: the tasks that were submitted.
        sent: path below its folder of each content that the worker got.
        gone: whether the worker has left.
    """

    def __init__(self, root: Path, name: str = "pi4") -> None:
        self._store, self._name = Store(root), name
        self._waiting: list[Task] = []
        self.tasks: list[Task] = []
        self.sent: list[str] = []
        self.gone = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def require(self, needs: object) -> None:
        if self.gone:
            raise NoWorker("no worker is called 'pi4' (there are: none)")

    def submit(self, task: Task) -> None:
        self.tasks.append(task)
        self._waiting.append(task)

    def completed(self) -> Iterator[Done]:
        while self._waiting:
            yield self._run(self._waiting.pop(0))

    def cancel(self) -> None:
        self._waiting.clear()

    def _run(self, task: Task) -> Done:
        if self.gone:
            return Done(task, (), NoWorker("it has left"), 0.0)
        task.say(f"on worker {self._name}")
        order: dict[str, Any] = {
            "module": task.module,
            "job": task.job,
            "variables": dict(task.variables),
            "timeout_s": task.timeout_s,
            "reads": {},
        }
        for name, folder in task.reads.items():
            hashes = {path: self._put(folder.path / path, path) for path in folder.files}
            order["reads"][name] = {"folder": str(folder.path), "files": hashes}
        order = json.loads(json.dumps(order))
        content = on_worker._answered(order, self._store, task.say, lambda: True)
        try:
            with task.into() as out:
                reported = answer.unpack(content, out, f"worker {self._name}")
        except EdgeaeError as error:
            return Done(task, (), error, 1.0, self._name)
        return Done(task, tuple(reported), None, 1.0, self._name)

    def _put(self, path: Path, relative: str) -> str:
        content = path.read_bytes()
        digest = sha256(content)
        if self._store.lacks([digest]):
            self.sent.append(relative)
            self._store.put(digest, content)
        return digest
