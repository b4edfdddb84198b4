"""Gives workers what tasks read: each content once, from the client or through a shared store."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput
from edgeae.reading import files
from edgeae.scheduling import on_worker
from edgeae.scheduling.fleet import Worker
from edgeae.scheduling.shared_store import SharedStore
from edgeae.scheduling.task import Task
from edgeae.system import atomic


@dataclass
class Inputs:
    """What a task reads, by content.

    Attributes:
        files: SHA-256 → a file with this content.
        reads: what `on_worker.run` takes under this name.
    """

    files: dict[str, Path] = field(default_factory=dict)
    reads: dict[str, dict[str, Any]] = field(default_factory=dict)


class Supply:
    """The client's side of all workers' stores.

    Args:
        ask: calls a function of `on_worker` on a worker; None if the worker does not answer.
        shared: a store that all machines reach, or None: the client sends contents itself.
        say: receives a line about a worker that is left out.
    """

    def __init__(
        self, ask: Callable[..., Any], shared: SharedStore | None, say: Callable[[str], None]
    ) -> None:
        self._ask, self._shared, self._say = ask, shared, say
        self._hashes: dict[Path, str] = {}
        self._stored: set[str] = set()
        self._doubted: set[str] = set()

    @property
    def url(self) -> str | None:
        """The URL of the shared store, or None."""
        return None if self._shared is None else self._shared.url

    def inputs(self, task: Task) -> Inputs:
        """Return what a task reads.

        Raises:
            BadInput: a file is none, but a folder or a device.
            OSError: a file cannot be read.
        """
        found = Inputs()
        for name, folder in task.reads.items():
            files = {}
            made = [relative for relative in folder.made if (folder.path / relative).exists()]
            for relative in (*folder.files, *made):
                path = folder.path / relative
                files[relative] = self._hashed(path)
                found.files[files[relative]] = path
            found.reads[name] = {"folder": str(folder.path), "files": files}
        return found

    def _hashed(self, path: Path) -> str:
        if path not in self._hashes:  # the data of many tasks is one file
            self._hashes[path] = files.sha256(path)
        return self._hashes[path]

    def give(self, inputs: Inputs, worker: Worker) -> bool:
        """Let a worker have the inputs that it lacks; return whether it has all of them now.

        A worker that cannot have them, as on a full disk, gets no task any more.

        Raises:
            BadInput: a file has changed, or the shared store cannot be written.
            OSError: a file cannot be read.
        """
        unseen = [sha256 for sha256 in inputs.files if sha256 not in worker.has]
        if not unseen:
            return True
        if self._shared is None:
            given = self._send(inputs, worker, unseen)
        else:
            given = self._share(self._shared, inputs, worker, unseen)
        if given:
            worker.has.update(unseen)
        return given

    def forget(self, hashes: Collection[str], worker: Worker) -> None:
        """Give contents again that a worker turned out not to have."""
        worker.has.difference_update(hashes)
        self._stored.difference_update(hashes)
        self._doubted.update(hashes)

    def _send(self, inputs: Inputs, worker: Worker, unseen: list[str]) -> bool:
        missing = self._ask(worker, on_worker.lacks, unseen)
        if missing is None:
            return False
        for sha256 in missing:
            path = inputs.files[sha256]
            content = path.read_bytes()
            if atomic.sha256(content) != sha256:
                raise BadInput(f"{path}: changed while it was being sent; run the command again")
            if not self._accepts(worker, self._ask(worker, on_worker.put, sha256, content)):
                return False
        return True

    def _share(
        self, shared: SharedStore, inputs: Inputs, worker: Worker, unseen: list[str]
    ) -> bool:
        for sha256 in unseen:
            if sha256 not in self._stored:
                shared.put(sha256, inputs.files[sha256], overwrite=sha256 in self._doubted)
                self._stored.add(sha256)
        if not worker.sees_store:
            answer = self._ask(worker, on_worker.sees, shared.url)
            worker.sees_store = self._accepts(worker, answer)
        return worker.sees_store

    def _accepts(self, worker: Worker, refusal: str | None) -> bool:
        """Return whether a worker answered without a refusal; one that refuses is left out."""
        if refusal:
            worker.refused = refusal
            self._say(f"worker {worker.name} is left out: {refusal}")
        return refusal == ""
