"""The executor of a Dask cluster.

The client chooses each task's worker: it knows whose versions fit and whose store has the inputs,
and it counts itself whom a task killed, whatever the scheduler allows. Dask carries the bytes, says
who is there, and reaches Slurm, Kubernetes and SSH.

Several clients may use a cluster at once; a worker then runs their tasks one after another.
"""

import contextlib
import json
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgeae.errors import (
    EdgeaeError,
    ManifestMismatch,
    RuntimeCrashed,
    system_error,
)
from edgeae.scheduling import answer, on_worker
from edgeae.scheduling.cluster import Certificates, connected
from edgeae.scheduling.fleet import Fleet, Worker
from edgeae.scheduling.shared_store import SharedStore
from edgeae.scheduling.supply import Inputs, Supply
from edgeae.scheduling.task import BENCH, LOST, SENT, Done, Needs, NoWorker, Task
from edgeae.system import children, interrupts

#: How often the scheduler is asked for its workers, in seconds.
_LOOK_S = 1.0
#: A task that killed so many workers is run no more, whatever `retries` allows.
_POISON = 3
#: How many answers are asked for at once; all of them are in memory.
_BURST = 16
#: How often a worker may lack what was sent before, as after its files were damaged.
_LACKED = 3
#: How long to wait for a worker that can run a task, in seconds.
WAIT_S = 30.0


@dataclass(eq=False)
class _Pending:
    """A task that has not ended: the folder that it fills, whom it killed, how often it lacked."""

    task: Task
    stack: ExitStack = field(default_factory=ExitStack)
    out: Path | None = None
    since: float = 0.0
    inputs: Inputs = field(default_factory=Inputs)
    killed: list[str] = field(default_factory=list)
    lacked: int = 0
    worker: Worker | None = None
    future: Any = None


class Dask:
    """Runs tasks on a Dask cluster; see `Executor`.

    Args:
        address: see `cluster.connected`.
        jobs: number of workers, if the cluster is inside this process.
        retries: how often a task runs again after its worker was lost.
        certificates: the files of TLS, or None.
        store: a path or URL that all machines reach, through which inputs travel; None sends them
            to the workers. See `SharedStore`.
        wait_s: how long to wait for a worker that can run a task, in seconds [`WAIT_S`].
        say: receives messages of one line about workers.

    Raises:
        EdgeaeError: see `cluster.connected`; or the store cannot be written.
    """

    def __init__(
        self,
        address: str,
        *,
        jobs: int,
        retries: int = 2,
        certificates: Certificates | None = None,
        store: str | None = None,
        wait_s: float | None = None,
        say: Callable[[str], None],
    ) -> None:
        self._address, self._retries, self._say = address, retries, say
        self._wait_s = WAIT_S if wait_s is None else wait_s
        shared = None if store is None else SharedStore(store)
        if shared is not None:
            shared.try_writing()
        self._connection = ExitStack()
        self._client = self._connection.enter_context(
            connected(address, jobs=jobs, certificates=certificates, say=say)
        )
        self._fleet = Fleet(self._client)
        self._supply = Supply(self._asked, shared, say)
        self._waiting: deque[_Pending] = deque()
        self._running: dict[str, _Pending] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._topic = f"edgeae-{uuid.uuid4().hex}"
        self._looked = self._fitted = -float("inf")
        self._finished = 0
        self._client.subscribe_topic(self._topic, self._tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with interrupts.ignored():
            if kind is not None:
                self.cancel()
            self.close()

    def close(self) -> None:
        """Leave the cluster; a `with` block does so at its end."""
        self._connection.close()

    def submit(self, task: Task) -> None:
        self._waiting.append(_Pending(task))

    def completed(self) -> Iterator[Done]:
        self._fitted = time.monotonic()
        while self._waiting or self._running:
            if time.monotonic() - self._looked >= _LOOK_S:
                yield from self._look()
            yield from self._send()
            keys = self._burst()
            answers = self._gathered(keys)
            for key in keys:
                pending = self._running.pop(key, None)
                if pending is not None:
                    yield from self._settled(pending, answers.get(key))

    def _burst(self) -> list[str]:
        """Wait for a task that ends; return the keys of all that have ended, up to a number."""
        keys = []
        with contextlib.suppress(queue.Empty):
            keys.append(self._ended.get(timeout=_LOOK_S / 2))
            while len(keys) < _BURST:
                keys.append(self._ended.get_nowait())
        return keys

    def _gathered(self, keys: list[str]) -> dict[str, Any]:
        """Return key → answer of tasks that ended well, asked for at once; or nothing."""
        futures = {key: self._running[key].future for key in keys if key in self._running}
        well = {key: future for key, future in futures.items() if future.status == "finished"}
        if len(well) > 1:
            with contextlib.suppress(Exception):  # each is asked for by itself, and judged
                return dict(zip(well, self._client.gather([*well.values()]), strict=True))
        return {}

    def cancel(self) -> None:
        futures = [pending.future for pending in self._running.values()]
        with contextlib.suppress(Exception):  # of a scheduler that is gone
            if futures and self._client.status == "running":
                self._client.cancel(futures, force=True)
        for pending in (*self._running.values(), *self._waiting):
            _left(pending, KeyboardInterrupt())
        self._running.clear()
        self._waiting.clear()

    # --- who is there ---

    def _look(self) -> Iterator[Done]:
        """Ask who is there; run the tasks of lost workers again, and yield those that end so."""
        packages = {name for item in self._all() for name in item.task.versions}
        self._looked = time.monotonic()
        with self._scheduler():
            new, gone = self._fleet.look(packages | {"edgeae"})
        for worker in new:
            self._introduce(worker)
        for worker in gone:
            for key, pending in list(self._running.items()):
                if pending.worker is worker:
                    del self._running[key]
                    with contextlib.suppress(Exception):
                        self._client.cancel([pending.future], force=True)
                    yield from self._lost(pending)

    def _introduce(self, worker: Worker) -> None:
        """Name a worker that cannot run some of the tasks."""
        needs = [item.task.needs for item in self._all()]
        reasons = {worker.left_out(item) for item in needs if not worker.misplaced(item)} - {""}
        if reasons:
            self._say(f"worker {worker.name} is left out: {min(reasons)}")

    def _all(self) -> Iterator[_Pending]:
        yield from self._waiting
        yield from self._running.values()

    @contextlib.contextmanager
    def _scheduler(self) -> Iterator[None]:
        """Raise the error of a scheduler that is gone, which ends everything."""
        if self._client.status == "running":
            try:
                yield
                return
            except OSError:
                pass  # not of a worker: those errors are returned
        left = len(self._waiting) + len(self._running)
        raise RuntimeCrashed(
            f"{self._address}: the Dask scheduler is gone; {self._finished} finished and kept, "
            f"{left} missing: the same command makes them"
        )

    # --- sending ---

    def _send(self) -> Iterator[Done]:
        """Give each free slot a task, in order; yield the tasks that cannot run."""
        for _ in range(len(self._waiting)):
            if self._fleet.is_busy:
                return
            pending = self._waiting.popleft()
            needs = pending.task.needs
            worker = self._fleet.choose(needs, pending.killed)
            if worker is not None:
                self._fitted = time.monotonic()
                yield from self._start(pending, worker)
            elif self._fleet.fits(needs) or time.monotonic() - self._fitted < self._wait_s:
                self._waiting.append(pending)
            else:
                yield _failed(pending, self._nobody(pending.task.needs, self._wait_s))

    def require(self, needs: Needs) -> None:
        """Check that a worker is there that can run tasks; `completed` would wait for one to come.

        Raises:
            NoWorker: there is none.
            RuntimeCrashed: the scheduler is gone.
        """
        with self._scheduler():
            self._fleet.look({*needs.versions, "edgeae"})
        if not self._fleet.fits(needs):
            raise self._nobody(needs)

    def _nobody(self, needs: Needs, waited_s: float | None = None) -> NoWorker:
        told, remedy = f"{self._address}: {self._fleet.why_none(needs, waited_s)}", ""
        misplaced = all(worker.misplaced(needs) for worker in self._fleet.workers.values())
        if BENCH in needs.resources and misplaced:
            name = needs.on or "NAME"
            remedy = (
                f'`dask worker {self._address} --name {name} --resources "{BENCH}=1"` starts one'
            )
        return NoWorker(told, remedy)

    def _start(self, pending: _Pending, worker: Worker) -> Iterator[Done]:
        try:
            self._open(pending)
            supplied = self._supply.give(pending.inputs, worker)
        except EdgeaeError as error:
            yield _failed(pending, error)
            return
        except OSError as error:
            yield _failed(pending, system_error(error))
            return
        if not supplied:
            self._waiting.appendleft(pending)
            return
        task, key = pending.task, f"{pending.task.name}-{uuid.uuid4().hex[:12]}"
        order = {
            "module": task.module,
            "job": task.job,
            "variables": dict(task.variables),
            "timeout_s": task.timeout_s,
            "reads": pending.inputs.reads,
            "topic": self._topic,
            "task": key,
            "store": self._supply.url,
        }
        pending.worker = worker
        worker.take(task.needs)
        self._running[key] = pending
        task.say(f"on worker {worker.name}")
        task.moved(SENT, worker.name)
        with self._scheduler():
            pending.future = self._client.submit(
                on_worker.run,
                json.dumps(order),
                key=key,
                workers=[worker.address],
                allow_other_workers=False,
                resources=dict(task.resources) or None,  # other clients measure there as well
                retries=0,
                pure=False,
            )
            pending.future.add_done_callback(lambda _: self._ended.put(key))

    def _open(self, pending: _Pending) -> None:
        """Open a task's folder, and hash what it reads, when it is sent for the first time."""
        if pending.out is not None:
            return
        pending.since = time.monotonic()
        pending.out = pending.stack.enter_context(pending.task.into())
        pending.inputs = self._supply.inputs(pending.task)

    def _asked(self, worker: Worker, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on a worker, and return its answer; None if it does not answer."""
        with self._scheduler():
            answers = self._client.run(
                function, *arguments, workers=[worker.address], on_error="return"
            )
        found = answers.get(worker.address)
        if found is None or isinstance(found, Exception):
            self._looked = -float("inf")  # it may be gone
            return None
        return found

    # --- what comes back ---

    def _settled(self, pending: _Pending, answered: Any) -> Iterator[Done]:
        """Take what a future came to; yield the task's end, or let it wait again.

        `answered` is its answer, if it was asked for already; else None.
        """
        future, worker = pending.future, pending.worker
        assert worker is not None
        worker.free(pending.task.needs)
        content, error = _result(future) if answered is None else (_bytes(answered), None)
        future.release()
        if content is None:
            if error is None:
                yield from self._lost(pending)
            else:
                yield _failed(pending, RuntimeCrashed(f"worker {worker.name}: {error}"))
            return
        try:
            missing = answer.lacking(content)
        except ValueError:
            missing = []  # `unpack` refuses it
        if missing:
            self._supply.forget(missing, worker)
            pending.lacked += 1
            if pending.lacked > _LACKED:
                told = f"worker {worker.name}: {len(missing)} inputs came damaged {_LACKED} times"
                yield _failed(pending, ManifestMismatch(told))
            else:
                self._waiting.appendleft(pending)
            return
        done = _finished(pending, content, worker)
        self._finished += done.error is None
        yield done

    def _lost(self, pending: _Pending) -> Iterator[Done]:
        """Let a task wait again after its worker was lost, or yield its end."""
        assert pending.worker is not None
        self._looked = -float("inf")
        pending.killed.append(pending.worker.name)
        pending.task.moved(LOST, pending.worker.name)
        names, times = ", ".join(pending.killed), len(pending.killed)
        if times >= _POISON:
            told = f"poisoned: {times} workers ended while they ran it ({names}); it runs no more"
            yield _failed(pending, RuntimeCrashed(told))
        elif times > self._retries:
            told = f"worker {names} was lost; it runs no more under --retries {self._retries}"
            yield _failed(pending, RuntimeCrashed(told))
        else:
            pending.task.say(f"worker {pending.worker.name} was lost; it runs again")
            self._fitted = time.monotonic()
            self._waiting.appendleft(pending)

    def _tell(self, event: tuple[float, dict[str, str]]) -> None:
        told = event[1]
        pending = self._running.get(told["task"])
        if pending is not None:
            pending.task.say(told["doing"])


def _result(future: Any) -> tuple[bytes | None, str | None]:
    """Return a future's answer, or an error's text; neither if its worker was lost."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker, NoValidWorkerError

    if future.status == "error":
        error = future.exception()
        if isinstance(error, KilledWorker | NoValidWorkerError):
            return None, None
        return None, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    try:
        content = future.result()
    except (CancelledError, OSError):  # it was lost before its answer came
        return None, None
    return _bytes(content), None


def _bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else b""  # which is refused


def _finished(pending: _Pending, content: bytes, worker: Worker) -> Done:
    """Write the files of an answer, and publish them."""
    assert pending.out is not None
    reported: list[children.Message] = []
    error: EdgeaeError | None = None
    try:
        with pending.stack:
            reported = answer.unpack(content, pending.out, f"worker {worker.name}")
    except EdgeaeError as found:
        error = found
    except OSError as found:
        error = system_error(found)
    kept = () if error is not None else tuple(reported)
    return Done(pending.task, kept, error, time.monotonic() - pending.since, worker.name)


def _failed(pending: _Pending, error: EdgeaeError) -> Done:
    _left(pending, error)
    seconds = time.monotonic() - pending.since if pending.since else 0.0
    return Done(pending.task, (), error, seconds)


def _left(pending: _Pending, error: BaseException) -> None:
    """Leave a task's folder with an error, so that nothing is published."""
    with contextlib.suppress(type(error)):
        pending.stack.__exit__(type(error), error, error.__traceback__)
