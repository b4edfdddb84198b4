"""Writes the page on scale; `make bench-sweep` runs this.

    python bench/sweep.py PAGE.md [--tasks N] [--only tasks|speedup]

It starts a Dask scheduler and workers as processes of this machine. First it sends tasks that do
nothing, and reads the processor time of client and scheduler, and the client's memory. Then it runs
one sweep on one worker and on two, each time from nothing, and compares the seconds.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeae import __version__
from edgeae.errors import EdgeaeError
from edgeae.scheduling.dask_executor import Dask
from edgeae.scheduling.task import Task
from edgeae.system import atomic, machine
from edgeae.text.progress import Progress, tell

HERE = Path(__file__).parent
GRID = """\
[grid]
families = ["simple", "deep", "conv"]
codes = [4, 8, 16]
seeds = [0, 1]
data = "digits"
recipes = ["float32", "float16", "int8"]

[train]
epochs = 1
"""
#: Threads of each worker, where tasks do nothing.
THREADS = 8
#: Tasks of the first measurement of memory, from which the second tells what a task takes.
FEW = 500
MODELS, BUNDLES = 18, 54
#: The targets.
MS_PER_TASK, CLIENT_MB, SPEEDUP = 5.0, 300.0, 1.7
_STARTS_S = 60.0


@dataclass(frozen=True)
class Overhead:
    """What tasks that do nothing took.

    Attributes:
        tasks: their number.
        client_ms, scheduler_ms: processor time a task, in milliseconds.
        client_mb: largest resident memory of the client, in MB.
        seconds: from the first task to the last.
    """

    tasks: int
    client_ms: float
    scheduler_ms: float
    client_mb: float
    seconds: float

    @property
    def both_ms(self) -> float:
        """Processor time of client and scheduler, in milliseconds a task."""
        return self.client_ms + self.scheduler_ms


class Cluster:
    """A scheduler and workers of one thread each, as processes of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._running: list[subprocess.Popen[bytes]] = []
        told = root / "scheduler.json"
        self.scheduler = self._start(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(told)),
        )
        deadline = time.monotonic() + _STARTS_S
        while not told.exists():
            if time.monotonic() > deadline:
                raise SystemExit("the Dask scheduler does not start")
            time.sleep(0.05)
        self.address: str = json.loads(told.read_text())["address"]

    def worker(self, name: str, threads: int = 1, *more: str) -> None:
        """Start a worker, with more options of `dask worker`."""
        self._start(
            *("worker", self.address, "--name", name, "--nthreads", str(threads), "--no-nanny"),
            *("--memory-limit", "0", "--no-dashboard", "--local-directory", str(self._root / name)),
            *more,
        )

    def end(self) -> None:
        """End all processes."""
        for process in self._running:
            process.kill()
            process.wait()

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join([str(HERE), str(HERE.parent)])
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=self._root,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._running.append(process)
        return process


@contextlib.contextmanager
def cluster(workers: int, threads: int = 1, *more: str) -> Iterator[Cluster]:
    """Yield a cluster in a temporary folder; see `Cluster.worker`."""
    with tempfile.TemporaryDirectory() as folder:
        found = Cluster(Path(folder))
        try:
            for number in range(workers):
                found.worker(f"w{number + 1}", threads, *more)
            yield found
        finally:
            found.end()


def overhead(count: int, threads: int) -> Overhead:
    """Run tasks that do nothing on two workers, in a client of its own process."""
    with cluster(2, threads, "--preload", str(HERE / "sweep_nothing.py")) as there:
        before = _processor_s(there.scheduler.pid)
        out = subprocess.run(
            [sys.executable, __file__, "--client", there.address, str(count)],
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        client_s, client_mb, seconds = json.loads(out)
        scheduler_s = _processor_s(there.scheduler.pid) - before
    return Overhead(count, client_s / count * 1e3, scheduler_s / count * 1e3, client_mb, seconds)


def client(address: str, count: int) -> None:
    """Send tasks, take their ends, and print seconds of the processor, MB and seconds as JSON."""
    root = Path(tempfile.mkdtemp())

    @contextlib.contextmanager
    def into() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=root) as folder:
            yield Path(folder)

    used, start = time.process_time(), time.monotonic()
    with (
        Dask(address, jobs=1, say=tell) as executor,
        Progress(count, "tasks that do nothing", "task") as progress,
    ):
        for number in range(count):
            executor.submit(
                Task(
                    name=f"nothing-{number}",
                    module="sweep_nothing",
                    job={"number": number},
                    into=into,
                    say=lambda line: None,
                    versions={"edgeae": __version__},
                )
            )
        for done in executor.completed():
            if done.error is not None:
                raise done.error
            progress.advance()
    root.rmdir()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    sys.stdout.write(json.dumps([time.process_time() - used, peak, time.monotonic() - start]))


def sweep_s(workers: int) -> float:
    """Return the seconds of the sweep on some workers, from nothing."""
    with cluster(workers) as there, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "grid.toml").write_text(GRID)
        command = ["edgeae", "sweep", "grid.toml", "--scheduler", there.address]
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.monotonic() - start


def _processor_s(pid: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page(few: Overhead, many: Overhead, alone: Overhead, one_s: float, two_s: float) -> str:
    """Return the page."""
    both = many.both_ms
    each_kb = (many.client_mb - few.client_mb) / (many.tasks - few.tasks) * 1e3
    here = machine.describe()
    cell_s = one_s / BUNDLES
    hours = 1e5 * cell_s / 3600
    costs = [
        (
            f"tasks that do nothing, {2 * THREADS} at once on two workers",
            f"{many.tasks:,} in {many.seconds:,.0f} s",
            "",
        ),
        ("processor time of the client, a task", f"{many.client_ms:.2f} ms", ""),
        ("processor time of the scheduler, a task", f"{many.scheduler_ms:.2f} ms", ""),
        ("both", f"{both:.2f} ms", f"at most {MS_PER_TASK:g} ms"),
        ("both, if only two run at once", f"{alone.both_ms:.2f} ms", ""),
        (
            "largest memory of the client",
            f"{many.client_mb:.0f} MB ({few.client_mb:.0f} MB with {few.tasks:,} tasks)",
            f"below {CLIENT_MB:g} MB",
        ),
    ]
    gains = [
        ("1", f"{one_s:.0f} s", ""),
        ("2", f"{two_s:.0f} s", f"{one_s / two_s:.2f} (target: at least {SPEEDUP:g})"),
    ]
    return f"""\
# How far a cluster scales

`make bench-sweep` wrote this page. {machine.machine_line(here)}

## What a task costs

{_table(("", "measured", "target"), costs)}

These tasks are answered by the worker itself. A real one is a process of its own there, which
takes the worker a tenth of a second for Python, and seconds for TensorFlow. If few tasks run at
once, each message travels by itself; with more of them, Dask sends several together.

## What more workers bring

A sweep of {MODELS} trainings of one epoch on scikit-learn's digits and {BUNDLES} exports (three
families, three codes, two seeds; float32, float16 and int8), each worker with one thread:

{_table(("workers", "time", "times as fast"), gains)}

Workers, scheduler and client share the {here["cores"]} cores of one machine here.

## What bounds it

* **The client** chooses each task's worker, and checks, writes and publishes what comes back, in
  one thread. At {both:.1f} ms a task, client and scheduler keep some
  {cell_s * 1e3 / both:,.0f} workers busy with cells like those above, of {cell_s:.1f} s each;
  longer trainings allow more.
* **The client's memory** grows by {each_kb:.1f} kB for each task that waits.
* **The network** carries each file of rows once to each worker (or once to `--store`), and each
  bundle once back.
* **The stages** follow one another: exports begin when all trainings have ended, so that workers
  idle at the end of a stage for as long as its last task takes.

100,000 cells like these take {hours:,.0f} hours of one core, or {hours / 100:,.1f} hours on 100
workers of one thread; {1e5 * both / 1e3 / 60:.0f} minutes of that are the client's and the
scheduler's own.
"""


def _table(head: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--only", choices=["tasks", "speedup"])
    asked = parser.parse_args()
    if asked.only != "speedup":
        few, many = overhead(FEW, THREADS), overhead(asked.tasks, THREADS)
        alone = overhead(FEW, 1)
        tell(f"{many}")
        tell(f"{alone}")
    if asked.only != "tasks":
        one_s, two_s = sweep_s(1), sweep_s(2)
        tell(f"one worker {one_s:.1f} s, two {two_s:.1f} s: {one_s / two_s:.2f}")
    if asked.only is None:
        atomic.write_text(asked.page, page(few, many, alone, one_s, two_s))
        tell(f"{asked.page}: written")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        client(sys.argv[2], int(sys.argv[3]))
    else:
        try:
            main()
        except EdgeaeError as error:
            raise SystemExit(f"edgeae: {error}") from None
