"""A scheduler and workers in processes of their own, and what becomes of tasks when they die."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dask_processes import Processes, certificates
from processes import is_gone_soon
from task_examples import Place

from edgeae.errors import RuntimeCrashed, RuntimeUnavailable
from edgeae.scheduling.cluster import Certificates
from edgeae.scheduling.dask_executor import Dask
from edgeae.scheduling.task import LOST, SENT, Done, Task

pytestmark = [pytest.mark.system, pytest.mark.cold]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    (tmp_path / "cluster").mkdir()
    found = Processes(tmp_path / "cluster")
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def executor(processes: Processes, place: Place, **settings: object) -> Dask:
    say = place.said.append
    return Dask(processes.address, jobs=1, say=say, **settings)  # type: ignore[arg-type]


def ends(running: Dask, *tasks: Task) -> dict[str, Done]:
    with running:
        for task in tasks:
            running.submit(task)
        return {done.task.name: done for done in running.completed()}


def fatal(place: Place, *, once: bool) -> Task:
    """Return a task that kills its worker, the first time or each time."""
    return place.task("fatal", "kill the parent", unless=str(place.root / "rows-mark"), once=once)


def test_the_task_of_a_killed_worker_runs_again_elsewhere(processes, place):
    processes.worker("w1")
    processes.worker("w2")
    good = [place.task(f"good{number}", "copy") for number in range(3)]
    moves: list[tuple[str, str]] = []
    bad = replace(fatal(place, once=True), moved=lambda *move: moves.append(move))
    found = ends(executor(processes, place), bad, *good)
    assert {name: done.error for name, done in found.items()} == dict.fromkeys(found)
    (dead,) = (name for name, process in processes.workers.items() if process.poll() is not None)
    (alive,) = {"w1", "w2"} - {dead}
    lines = [line for line in place.said if line.startswith("fatal: ")]
    assert lines == [
        f"fatal: on worker {dead}",
        f"fatal: worker {dead} was lost; it runs again",
        f"fatal: on worker {alive}",
    ]
    assert moves == [(SENT, dead), (LOST, dead), (SENT, alive)]
    assert place.opened.count("fatal") == 1 and "fatal" in place.left()


def test_a_task_that_kills_three_workers_is_poisoned_and_the_others_finish(processes, place):
    for number in range(4):
        processes.worker(f"w{number}")
    found = ends(
        executor(processes, place, retries=9),
        fatal(place, once=False),
        *(place.task(f"good{number}", "copy") for number in range(4)),
    )
    error = found.pop("fatal").error
    assert isinstance(error, RuntimeCrashed)
    assert str(error).startswith("poisoned: 3 workers ended while they ran it (w")
    assert [done.error for done in found.values()] == [None] * 4
    assert sum(process.poll() is not None for process in processes.workers.values()) == 3


def test_retries_is_how_often_it_runs_again(processes, place):
    processes.worker("w1")
    processes.worker("w2")
    found = ends(
        executor(processes, place, retries=0),
        fatal(place, once=False),
        place.task("good", "copy"),
    )
    assert "it runs no more under --retries 0" in str(found["fatal"].error)
    assert sum(process.poll() is not None for process in processes.workers.values()) == 1
    assert found["good"].error is None


def test_a_worker_that_comes_late_is_used(processes, place):
    running = executor(processes, place)
    with running:
        running.submit(place.task("one", "copy"))
        completed = running.completed()
        processes.worker("late")
        assert next(completed).error is None
    assert "one: on worker late" in place.said


def test_without_workers_the_tasks_fail_in_a_line(processes, place):
    done = ends(executor(processes, place, wait_s=0.5), place.task("one", "copy"))["one"]
    assert isinstance(done.error, RuntimeUnavailable)
    assert "there is none, and none came within" in str(done.error)


def test_a_scheduler_that_is_gone_ends_it_and_what_was_finished_stays(processes, place):
    processes.worker("w1")
    with pytest.raises(RuntimeCrashed) as caught, executor(processes, place) as running:
        running.submit(place.task("good", "copy"))
        running.submit(place.task("long", "hang"))
        for done in running.completed():
            assert done.task.name == "good" and done.error is None
            processes.kill("scheduler")
    assert str(caught.value) == (
        f"{processes.address}: the Dask scheduler is gone; 1 finished and kept, 1 missing: the "
        "same command makes them"
    )
    assert place.left() == ["good"]


def test_leaving_with_an_error_ends_the_children_on_the_cluster(processes, place, tmp_path):
    processes.worker("w1")
    marker = tmp_path / "pid"
    task = place.task("long", "hang")
    object.__setattr__(task, "variables", {**task.variables, "CHILD_MARKER": str(marker)})

    def interrupt() -> None:
        while not (marker.exists() and marker.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt), executor(processes, place) as running:
        running.submit(task)
        running.submit(place.task("later", "copy"))
        list(running.completed())
    assert is_gone_soon(int(marker.read_text())) and place.left() == []
    assert processes.workers["w1"].poll() is None  # it takes the next client's tasks
    assert ends(executor(processes, place), place.task("next", "copy"))["next"].error is None


def test_it_runs_under_tls_and_only_with_certificates(tmp_path, place):
    root = tmp_path / "cluster"
    root.mkdir()
    certificates(root)
    files = ("--tls-ca-file", "cert.pem", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    processes = Processes(root, *files, protocol="tls")
    try:
        processes.worker("w1")
        assert processes.address.startswith("tls://")
        own = Certificates(root / "cert.pem", root / "cert.pem", root / "key.pem")
        found = ends(executor(processes, place, certificates=own), place.task("one", "copy"))
        assert found["one"].error is None and place.left() == ["one"]
        with pytest.raises(RuntimeUnavailable, match="no Dask scheduler answers"):
            Dask(processes.address.replace("tls:", "tcp:"), jobs=1, say=place.said.append)
    finally:
        processes.end()
