"""The workers of a cluster: which are there, which fit a task, and which has a free slot."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgeae.scheduling import on_worker
from edgeae.scheduling.task import BENCH, Needs


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
        resources: resource → how much of it the worker declares.
        taken: resource → how much of it the tasks of this client take now.
    """

    address: str
    name: str
    slots: int
    versions: Mapping[str, str | None] = field(default_factory=dict)
    refused: str = ""
    has: set[str] = field(default_factory=set)
    running: int = 0
    sees_store: bool = False
    resources: Mapping[str, float] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)

    def take(self, needs: Needs) -> None:
        """Note that a task runs on it."""
        self.running += 1
        self.taken.update(needs.resources)

    def free(self, needs: Needs) -> None:
        """Note that a task has ended."""
        self.running -= 1
        self.taken.subtract(needs.resources)

    def can_take(self, needs: Needs) -> bool:
        """Return whether a slot, and what a task takes, are free."""
        return self.running < self.slots and all(
            self.taken[name] + amount <= self.resources.get(name, 0)
            for name, amount in needs.resources.items()
        )

    def misplaced(self, needs: Needs) -> str:
        """Return why a task is none for this worker; empty if it is one.

        A worker that declares `BENCH` takes no other task, so that timing never shares a core.
        """
        if needs.on not in ("", self.name):
            return f"it is not {needs.on}"
        for name, amount in needs.resources.items():
            if self.resources.get(name, 0) < amount:
                return f"it does not declare the resource {name}"
        if BENCH in self.resources and BENCH not in needs.resources:
            return f"it declares the resource {BENCH}, and is kept for measurements"
        return ""

    def differs(self, versions: Mapping[str, str]) -> str:
        """Return which packages have other versions than a task needs; empty if none."""
        lines = [
            f"{name} {self.versions.get(name) or 'is missing'}, here {version}"
            for name, version in versions.items()
            if self.versions.get(name) != version
        ]
        return "; ".join(lines)

    def left_out(self, needs: Needs) -> str:
        """Return why it cannot run a task that is one for it; empty if it can."""
        return self.refused or self.differs(needs.versions)

    def unfit(self, needs: Needs) -> str:
        """Return why it cannot run a task; empty if it can."""
        return self.misplaced(needs) or self.left_out(needs)


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
            known.versions, known.resources = worker.versions, worker.resources
            new.append(known)
        return new, gone

    def _knows(self, address: str, packages: set[str]) -> bool:
        worker = self.workers.get(address)
        return worker is not None and (bool(worker.refused) or packages <= worker.versions.keys())

    def choose(self, needs: Needs, avoided: Iterable[str]) -> Worker | None:
        """Return the fit worker with most free slots, or None if all are busy.

        Args:
            needs: what the task needs.
            avoided: names of workers that are taken only if there is no other.
        """
        free = [
            worker
            for worker in self.workers.values()
            if worker.can_take(needs) and not worker.unfit(needs)
        ]
        shunned = set(avoided)
        best = sorted(free, key=lambda item: (item.name in shunned, item.running - item.slots))
        return best[0] if best else None

    @property
    def is_busy(self) -> bool:
        """Whether there are workers, and none has a free slot."""
        workers = self.workers.values()
        return bool(workers) and all(worker.running >= worker.slots for worker in workers)

    def fits(self, needs: Needs) -> bool:
        """Return whether a worker, free or busy, can run a task."""
        return any(not worker.unfit(needs) for worker in self.workers.values())

    def why_none(self, needs: Needs, waited_s: float | None = None) -> str:
        """Return why no worker can run a task, as the end of a sentence.

        Args:
            needs: what the task needs.
            waited_s: how long a worker was waited for, in seconds; None if it was not.
        """
        workers = list(self.workers.values())
        names = sorted(worker.name for worker in workers)
        listing = ", ".join(names) or "none"
        if needs.on and needs.on not in names:
            near = difflib.get_close_matches(needs.on, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            return f"no worker is called {needs.on!r}{hint} (there are: {listing})"
        if needs.on:
            reason = next(worker.unfit(needs) for worker in workers if worker.name == needs.on)
            able = sorted(
                worker.name for worker in workers if not worker.unfit(replace(needs, on=""))
            )
            others = f"; {', '.join(able)} can" if able else ""
            return f"worker {needs.on} cannot run it: {reason}{others}"
        reasons = [f"{worker.name}: {worker.unfit(needs)}" for worker in workers]
        came = "" if waited_s is None else f", and none came within {waited_s:.0f} s"
        return f"no worker can run it ({' | '.join(reasons) or f'there is none{came}'})"


def _described(address: str, slots: int, told: Any) -> Worker:
    if not isinstance(told, str):  # an error: most likely its Python has no edgeae
        reason = " ".join(str(told).split())[:160]
        return Worker(address, address, slots, refused=f"it cannot run edgeae's tasks ({reason})")
    table = json.loads(told)
    # an older edgeae does not tell its resources, and is left out for its version
    declared = table.get("resources", {})
    return Worker(address, table["name"], slots, table["versions"], resources=declared)
