"""A sweep of 54 bundles on machines that share no files, with all that can go wrong on the way.

It takes root, iproute2 and about 15 minutes on two cores. Run it with

    python -m pytest -m ways tests/sweep/test_far_ways.py
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import ROOT, edgeae
from far_machines import Machine, kill, machines

from edgeae import data
from edgeae.sweep.journal import Event, read

pytestmark = pytest.mark.ways

GRID = """
[grid]
families = ["simple", "deep", "conv"]
codes = [4, 8, 16]
seeds = [0, 1]
data = "rows.npz"
recipes = ["float32", "float16", "int8"]
[train]
epochs = 1
"""
BUNDLES = 3 * 3 * 2 * 3
PORT = 8786
#: How long a worker is off the network, in seconds.
CUT_S = 20.0


def write_project(place: Path) -> None:
    place.mkdir(exist_ok=True)
    (place / "grid.toml").write_text(GRID)
    digits = data.load("digits")
    rows = {"x_train": digits.train[:600], "x_test": digits.test[:200]}
    np.savez(place / "rows.npz", **rows)


def contents(build: Path) -> dict[str, str]:
    """Return path → hash of every file of every bundle."""
    return {
        path.relative_to(build).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for link in sorted(build.glob("*/*"))
        if link.is_symlink()
        for path in sorted(link.rglob("*"))
        if path.is_file()
    }


class Cluster:
    """A scheduler, workers and a client, each on a machine of its own."""

    def __init__(self, there: dict[str, Machine], logs: Path) -> None:
        self.there, self.logs = there, logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.address = f"tcp://{there['scheduler'].address}:{PORT}"

    def start(self, name: str, *command: str) -> None:
        self.running[name] = self.there[name].start(
            sys.executable,
            *command,
            log=self.logs / f"{name}.log",
            variables={"PYTHONPATH": str(ROOT), "EDGEAE_MNIST": ""},
        )

    def scheduler(self) -> None:
        host = self.there["scheduler"].address
        self.start(
            *("scheduler", "-m", "dask", "scheduler", "--host", host, "--port", str(PORT)),
            "--no-dashboard",
        )

    def worker(self, name: str) -> None:
        machine = self.there[name]
        self.start(
            *(name, "-m", "dask", "worker", self.address, "--name", name, "--nthreads", "1"),
            *("--host", machine.address, "--no-nanny", "--memory-limit", "0", "--no-dashboard"),
            *("--local-directory", str(machine.home)),
        )

    def client(self) -> None:
        self.start(
            *("client", "-m", "edgeae", "sweep", "grid.toml", "--scheduler", self.address),
        )

    def wait(self, what: str, done: Callable[[], bool], limit_s: float = 900.0) -> None:
        deadline = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < deadline, f"{what}\n{self.log('client')}"
            assert self.running["client"].poll() is None or done(), self.log("client")
            time.sleep(0.2)

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text(errors="replace")[-6000:]


def test_54_bundles_on_machines_that_share_no_files(tmp_path):
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.fail("machines without a common file system take root, and `apt install iproute2`")
    local = tmp_path / "local"
    write_project(local)
    done = edgeae("sweep", "grid.toml", "--jobs", "2", cwd=local, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = contents(local / "build")
    assert len({tuple(name.split("/")[:2]) for name in expected}) == BUNDLES

    names = ("scheduler", "w1", "w2", "w3", "client")
    with machines(tmp_path / "far", *names) as there:
        cluster = Cluster(there, tmp_path)
        try:
            build = _with_faults(cluster, there)
        finally:
            for process in cluster.running.values():
                kill(process)
    assert contents(build) == expected
    # none twice: one folder behind each link, and one export that came to its end
    for link in build.glob("*/*"):
        if link.is_symlink():
            assert len(list((link.parent / ".bundles").glob(f"{link.name}@*"))) == 1
    _check_journal(read(build / "sweeps" / "grid.jsonl"))
    done = edgeae("verify", *map(str, sorted(build.glob("*-e1-*"))), cwd=tmp_path, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]


def _with_faults(cluster: Cluster, there: dict[str, Machine]) -> Path:
    """Run the sweep; kill a worker and the client, and cut a worker off. Return its build."""
    home = there["client"].home
    write_project(home)
    build, journal = home / "build", home / "build" / "sweeps" / "grid.jsonl"

    def count(event: str, worker: str = "") -> int:
        found = read(journal) if journal.exists() else []
        return sum(item.event == event and worker in ("", item.worker) for item in found)

    cluster.scheduler()
    for name in ("w1", "w2", "w3"):
        cluster.worker(name)
    cluster.client()
    cluster.wait("trainings", lambda: count("trained") >= 4)
    cluster.wait("w1 has a task", lambda: count("sent", "w1") > 0)
    kill(cluster.running["w1"])
    cluster.wait("the loss of w1 is noticed", lambda: count("lost", "w1") > 0)
    cluster.wait("exports", lambda: count("exported") >= 6)
    there["w2"].cut()
    time.sleep(CUT_S)
    there["w2"].mend()
    cluster.wait("exports go on", lambda: count("exported") >= 20)
    kill(cluster.running["client"])
    time.sleep(2.0)
    assert count("exported") < BUNDLES
    cluster.client()
    cluster.running["client"].wait(timeout=1800)
    assert cluster.running["client"].returncode == 0, cluster.log("client")
    return build


def _check_journal(events: list[Event]) -> None:
    """The journal tells of the lost worker, of the killed client, and of each cell's one end."""
    own = [item.event for item in events if item.stage == "sweep"]
    assert own == ["started", "started", "ended"]  # the first was killed, and has no end
    assert Counter(item.worker for item in events if item.event == "lost")["w1"] == 1
    lost = next(item for item in events if item.event == "lost" and item.worker == "w1")
    again = [item for item in events if item.cell == lost.cell and item.event == "sent"]
    assert len(again) >= 2 and again[-1].worker != "w1"
    for stage, made, expected in (("train", "trained", 18), ("export", "exported", BUNDLES)):
        ends = Counter(item.cell for item in events if item.stage == stage and item.event == made)
        assert set(ends.values()) == {1}
        # what was published just before the client was killed is found up to date
        late = {item.cell for item in events if item.stage == stage and item.event == "up to date"}
        assert len(set(ends) | late) == expected
    assert not [item for item in events if item.event == "failed"]
