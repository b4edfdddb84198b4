"""The workers of a cluster: which are there, which fit a task, and which has a free slot."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeae.scheduling import on_worker


@dataclass
class Worker:
    """A Dask worker.

    Attributes:
        address: where it listens; another process has another one.
        name: what people call it.
        slots: number of tasks that it runs at once: its threads.
        versions: package → version, None if it is not installed.
        refused: why it gets no task; empty if it does.
        has: hashes of contents that were seen in its store.
        running: number of tasks that it runs for this client.
        sees_store: whether it was seen to read the shared store.
    """

    address: str
    name: str
    slots: int
    versions: Mapping[str, str | None] = field(default_factory=dict)
    refused: str = ""
    has: set[str] = field(default_factory=set)
    running: int = 0
    sees_store: bool = False

    def differs(self, versions: Mapping[str, str]) -> str:
        """Return which packages have other versions than a task needs; empty if none."""
        lines = [
            f"{name} {self.versions.get(name) or 'is missing'}, here {version}"
            for name, version in versions.items()
            if self.versions.get(name) != version
        ]
        return "; ".join(lines)

    def unfit(self, versions: Mapping[str, str]) -> str:
        """Return why it cannot run a task; empty if it can."""
        return self.refused or self.differs(versions)


class Fleet:
    """The workers that a scheduler knows, as of the last `look`.

    Args:
        client: a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.workers: dict[str, Worker] = {}

    def look(self, packages: Iterable[str]) -> tuple[list[Worker], list[Worker]]:
        """Ask the scheduler for its workers, and new workers for their versions.

        Args:
            packages: the packages whose versions are asked for.

        Returns:
            the workers that are new, or newly asked, and those that are gone.

        Raises:
            OSError: the scheduler is gone.
        """
        names = set(packages)
        there: dict[str, int] = self._client.nthreads()
        gone = [self.workers.pop(address) for address in list(self.workers) if address not in there]
        asked = [address for address in there if not self._knows(address, names)]
        if not asked:
            return [], gone
        answers = self._client.run(
            on_worker.describe, sorted(names), workers=asked, on_error="return"
        )
        new = []
        for address, told in answers.items():
            if isinstance(told, OSError):
                continue  # it left meanwhile, or is just starting: the next look asks again
            worker = _described(address, there[address], told)
            known = self.workers.setdefault(address, worker)
            known.versions = worker.versions
            new.append(known)
        return new, gone

    def _knows(self, address: str, packages: set[str]) -> bool:
        worker = self.workers.get(address)
        return worker is not None and (bool(worker.refused) or packages <= worker.versions.keys())

    def choose(self, versions: Mapping[str, str], avoided: Iterable[str]) -> Worker | None:
        """Return the fit worker with most free slots, or None if all are busy.

        Args:
            versions: package → version that the task needs.
            avoided: names of workers that are taken only if there is no other.
        """
        free = [
            worker
            for worker in self.workers.values()
            if worker.running < worker.slots and not worker.unfit(versions)
        ]
        shunned = set(avoided)
        best = sorted(free, key=lambda item: (item.name in shunned, item.running - item.slots))
        return best[0] if best else None

    @property
    def is_busy(self) -> bool:
        """Whether there are workers, and none has a free slot."""
        workers = self.workers.values()
        return bool(workers) and all(worker.running >= worker.slots for worker in workers)

    def fits(self, versions: Mapping[str, str]) -> bool:
        """Return whether a worker, free or busy, can run a task."""
        return any(not worker.unfit(versions) for worker in self.workers.values())


def _described(address: str, slots: int, told: Any) -> Worker:
    if not isinstance(told, str):  # an error: most likely its Python has no edgeae
        reason = " ".join(str(told).split())[:160]
        return Worker(address, address, slots, refused=f"it cannot run edgeae's tasks ({reason})")
    table = json.loads(told)
    return Worker(address, table["name"], slots, table["versions"])
