"""Where the jobs of a bench run: on this machine, or on a device that is a worker of a cluster."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from edgeae.artifacts.bundle import MANIFEST, holding
from edgeae.artifacts.model import TRAIN
from edgeae.errors import BadInput, Busy, EdgeaeError
from edgeae.reading.names import is_name
from edgeae.runtimes import Line
from edgeae.scheduling.device import Device
from edgeae.scheduling.task import Done, Folder
from edgeae.system import children, machine
from edgeae.timing.suite import Job

_PROBE_TIMEOUT_S = 60.0
_PROBE = "edgeae.runtimes.child"
_DEVICE = "edgeae.timing.device_child"
#: Seconds of a device's child beside what it waits and measures: a small board starts slowly.
_START_S = 120.0


class Place(Protocol):
    """A machine that measures."""

    def describe(self) -> dict[str, Any]:
        """Return the facts of the machine, with its `host`; see `machine.named`.

        Raises:
            EdgeaeError: the machine cannot be reached, or another process measures on it.
        """

    def probe(self, runtime: str, line: Line | None = None) -> dict[str, Any]:
        """Ask a runtime of the machine for its version and device.

        Args:
            runtime: name of the runtime.
            line: where the board is, for a runtime that is one.

        Returns:
            The first report of `edgeae.runtimes.child`, or `{error, code}` if the runtime is absent
            or broken.

        Raises:
            EdgeaeError: see `describe`.
        """

    def measure(
        self, job: Job, worker: str, order: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any]:
        """Run a worker process that measures; return its report, or `{error, code}`.

        Args:
            job: the job, for the folders that its worker reads.
            worker: the worker's module.
            order: what the worker is to do, apart from these folders.
            timeout_s: the longest run time of the worker, in seconds.

        Raises:
            EdgeaeError: see `describe`.
        """


class Here:
    """This machine; whoever measures holds its lock."""

    def describe(self) -> dict[str, Any]:
        return machine.named()

    def probe(self, runtime: str, line: Line | None = None) -> dict[str, Any]:
        job, timeout_s = _probe(runtime), _PROBE_TIMEOUT_S
        if line is not None:
            job |= {"line": asdict(line)}
            timeout_s += line.answer_s
        return _run(_PROBE, job, timeout_s)

    def measure(
        self, job: Job, worker: str, order: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any]:
        golden = None if job.golden is None else str(job.golden)
        # CLOCK_MONOTONIC is the same for all processes
        started = {"spawned_ns": time.monotonic_ns()}
        return _run(
            worker, {**order, "root": str(job.root), "golden": golden, **started}, timeout_s
        )


def _probe(runtime: str) -> dict[str, Any]:
    return {"runtime": runtime, "tasks": []}


def _run(module: str, job: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    try:
        return children.run(module, job, timeout_s=timeout_s)[0]
    except EdgeaeError as error:
        return _failed(error)


def _failed(error: EdgeaeError) -> dict[str, Any]:
    return {"error": str(error), "code": error.code}


@dataclass(frozen=True)
class OnDevice:
    """A device, under its own lock; it gets the files of a job by their hashes.

    Attributes:
        device: the device.
        wait_s: the longest wait for another measurement there, in seconds.
    """

    device: Device
    wait_s: float

    def describe(self) -> dict[str, Any]:
        done = self._done("machine", "", {}, {}, 0.0)
        if done.error is not None:
            raise done.error
        found = dict(done.reports[-1])
        # without a name of its own, a worker is called by its address, which changes
        named = {"worker": self.device.name} if is_name(self.device.name) else {}
        return {**named, **found}

    def probe(self, runtime: str, line: Line | None = None) -> dict[str, Any]:
        if line is not None:
            raise BadInput(f"--port {line.port}: not on a device; the board is on this machine")
        return self._run(f"{runtime}'s version", _PROBE, _probe(runtime), {}, _PROBE_TIMEOUT_S)

    def measure(
        self, job: Job, worker: str, order: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any]:
        with ExitStack() as stack:
            try:
                reads = _reads(job, stack)
            except EdgeaeError as error:
                return _failed(error)
            golden = "{golden}" if "golden" in reads else "{root}"
            placed = {
                **order,
                "root": "{root}",
                "golden": None if job.golden is None else golden,
            }
            return self._run(job.name, worker, placed, reads, timeout_s)

    def _run(
        self,
        name: str,
        module: str,
        order: Mapping[str, Any],
        reads: Mapping[str, Folder],
        timeout_s: float,
    ) -> dict[str, Any]:
        done = self._done(name, module, order, reads, timeout_s)
        return dict(done.reports[-1]) if done.error is None else _failed(done.error)

    def _done(
        self,
        name: str,
        module: str,
        order: Mapping[str, Any],
        reads: Mapping[str, Folder],
        timeout_s: float,
    ) -> Done:
        job = {"module": module, "order": order, "timeout_s": timeout_s, "wait_s": self.wait_s}
        longest_s = timeout_s + self.wait_s + _START_S
        done = self.device.run(name, _DEVICE, job, reads, longest_s)
        if isinstance(done.error, Busy):  # as on this machine, it ends the bench
            raise Busy(f"worker {self.device.name}: {done.error}")
        return done


def _reads(job: Job, stack: ExitStack) -> dict[str, Folder]:
    """Return the files that a job's worker reads; a bundle is held until the stack ends."""
    own = _files(job)
    if job.golden is None:
        return {"root": Folder(job.root, own)}
    bundle = stack.enter_context(holding(job.golden))
    golden = tuple(path for path in bundle.files if path == MANIFEST or path.endswith(".npy"))
    if job.root == job.golden:
        return {"root": Folder(job.root, (*golden, *own))}
    return {"root": Folder(job.root, (TRAIN, *own)), "golden": Folder(job.golden, golden)}


def _files(job: Job) -> tuple[str, ...]:
    """Return the files of an artifact: itself, or those of a folder, as a SavedModel is one."""
    if not job.path.is_dir():
        return (job.artifact.path,)
    paths = sorted(path for path in job.path.rglob("*") if path.is_file())
    return tuple(path.relative_to(job.root).as_posix() for path in paths)
