"""One protocol, two executors: what a task comes to is the same on both."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from task_examples import Place

from edgeae.errors import (
    BadInput,
    Busy,
    ManifestMismatch,
    OutOfTolerance,
    RuntimeCrashed,
    RuntimeUnavailable,
)
from edgeae.scheduling import answer, cluster, dask_executor, on_worker
from edgeae.scheduling.local import Local
from edgeae.scheduling.task import Done, Executor, Folder, Task, filled

Make = Callable[..., Executor]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def inside(*, jobs: int = 2, **settings: Any) -> Executor:
    return dask_executor.Dask("dask", jobs=jobs, say=lambda line: None, **settings)


def local(*, jobs: int = 2) -> Executor:
    return Local(jobs)


@pytest.fixture(params=[local, inside], ids=["local", "dask"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


def ends(executor: Executor, *tasks: Task) -> dict[str, Done]:
    with executor:
        for task in tasks:
            executor.submit(task)
        return {done.task.name: done for done in executor.completed()}


def test_only_texts_that_begin_with_a_folder_are_filled():
    job = {"a": "{in}/x", "b": ["{in}", "y{in}", "{inn}", 3, None], "c": {"{in}": ("{out}",)}}
    assert filled(job, {"in": "/p", "out": "/q"}) == {
        "a": "/p/x",
        "b": ["/p", "y{in}", "{inn}", 3, None],
        "c": {"{in}": ["/q"]},
    }


def test_files_reports_and_what_it_is_doing_come_back(make, place):
    found = ends(make(), place.task("one", "copy"), place.task("two", "copy"))
    for name in ("one", "two"):
        assert found[name].error is None and found[name].seconds > 0
        assert [set(report) for report in found[name].reports] == [{"pid"}]
        files = place.files(name)
        assert files.pop("variable").endswith(b"/rows of a user/x")
        assert files == {"deep/copy": b"1,2\n" * 1000}
        assert f"{name}: copy" in place.said
    assert place.left() == ["one", "two"]


def test_a_failure_is_the_childs_and_stops_nothing(make, place):
    found = ends(
        make(),
        place.task("kind", "raise", kind="OutOfTolerance", arguments=["12 % zeros"]),
        place.task("none", "raise", kind="RuntimeUnavailable", arguments=["no TF", "pip it"]),
        place.task("crash", "signal", signal="SIGSEGV"),
        place.task("good", "copy"),
    )
    errors = {name: done.error for name, done in found.items()}
    assert isinstance(errors["kind"], OutOfTolerance) and str(errors["kind"]) == "12 % zeros"
    assert isinstance(errors["none"], RuntimeUnavailable) and errors["none"].remedy == "pip it"
    assert isinstance(errors["crash"], RuntimeCrashed) and "SIGSEGV" in str(errors["crash"])
    assert errors["good"] is None and place.left() == ["good"]


def test_a_message_names_the_users_folder(make, place):
    done = ends(make(), place.task("one", "refuse"))["one"]
    assert str(done.error) == f"{place.root}/rows of a user/rows.csv: refused"


def test_a_folder_that_cannot_be_opened_or_published_is_the_tasks_failure(make, place):
    @contextlib.contextmanager
    def busy() -> Iterator[Path]:
        raise Busy("it is being written")
        yield Path()

    @contextlib.contextmanager
    def checked() -> Iterator[Path]:
        with place._folder("second") as part:
            yield part
            raise ManifestMismatch("not whole")

    first, second = place.task("first", "copy"), place.task("second", "copy")
    object.__setattr__(first, "into", busy)
    object.__setattr__(second, "into", checked)
    found = ends(make(), first, second, place.task("good", "copy"))
    assert isinstance(found["first"].error, Busy)
    assert str(found["second"].error) == "not whole" and found["second"].reports == ()
    assert found["good"].error is None and place.left() == ["good"]


def test_leaving_with_an_error_ends_what_runs(make, place):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), make() as executor:
        executor.submit(place.task("good", "copy"))
        executor.submit(place.task("long", "hang"))
        for _ in range(3):
            executor.submit(place.task("later", "hang"))
        next(iter(executor.completed()))
        raise KeyboardInterrupt
    assert time.monotonic() - start < 20
    assert place.left() == ["good"]


def test_tasks_start_in_order(make, place):
    names = [f"t{number}" for number in range(4)]
    found = ends(make(jobs=1), *(place.task(name, "copy") for name in names))
    assert list(found) == names == place.opened


# --- of the cluster alone ---


def test_an_input_is_sent_once_and_only_what_is_named(place, monkeypatch):
    sent: list[str] = []
    put = on_worker.Store.put

    def counted(self, sha256, content):
        sent.append(sha256)
        put(self, sha256, content)

    monkeypatch.setattr(on_worker.Store, "put", counted)
    tasks = [place.task(f"t{number}", "copy") for number in range(3)]
    found = ends(inside(jobs=1), *tasks)
    assert [done.error for done in found.values()] == [None] * 3
    assert len(sent) == 1  # rows.csv, and not other.csv


def test_an_input_that_left_the_store_is_sent_again(place, monkeypatch):
    copy, failed = on_worker.Store.copy, []

    def forgetful(self, files):
        if not failed:
            failed.append(True)
            for path in self._root.rglob("*"):
                if path.is_file():
                    path.unlink()
        copy(self, files)

    monkeypatch.setattr(on_worker.Store, "copy", forgetful)
    assert ends(inside(jobs=1), place.task("one", "copy"))["one"].error is None
    assert failed


def test_a_result_whose_hash_is_wrong_is_refused(place, monkeypatch):
    pack = answer.pack

    def damaged(reports, folder):
        made = pack(reports, folder)
        return made[:-1] + b"!" if (folder / "deep").exists() else made

    monkeypatch.setattr(on_worker.answer, "pack", damaged)
    found = ends(inside(), place.task("bad", "copy"), place.task("good", "echo", what=1))
    assert isinstance(found["bad"].error, ManifestMismatch)
    assert "damaged and refused" in str(found["bad"].error)
    assert found["good"].error is None and place.left() == ["good"]


def test_a_worker_of_another_version_is_named_and_gets_nothing(place):
    said: list[str] = []
    executor = dask_executor.Dask("dask", jobs=1, wait_s=0.0, say=said.append)
    found = ends(
        executor,
        place.task("other", "copy", versions={"edgeae": "0.0.0"}),
        place.task("gone", "copy", versions={"no-such-package": "1"}),
        place.task("same", "copy", versions={"edgeae": on_worker.__version__}),
    )
    assert found["same"].error is None and place.left() == ["same"]
    for name in ("other", "gone"):
        assert isinstance(found[name].error, RuntimeUnavailable)
    here = on_worker.__version__
    assert f"edgeae {here}, here 0.0.0" in str(found["other"].error)
    assert "no-such-package is missing, here 1" in str(found["gone"].error)
    assert len(said) == 1 and said[0].startswith("worker 0 is left out: ")


def test_a_worker_with_a_full_disk_is_named_and_left_out(place, monkeypatch):
    def full(self, sha256, content):
        raise OSError(28, "No space left on device", "/store/x")

    monkeypatch.setattr(on_worker.Store, "put", full)
    said: list[str] = []
    executor = dask_executor.Dask("dask", jobs=1, wait_s=0.0, say=said.append)
    done = ends(executor, place.task("one", "copy"))["one"]
    assert isinstance(done.error, RuntimeUnavailable) and "no room left" in str(done.error)
    assert said == [
        "worker 0 is left out: /store/x: no room left to write; existing files are intact"
    ]


def test_an_error_of_the_workers_machine_is_its_failure_and_no_lost_worker(place, monkeypatch):
    def broken(self, files):
        raise PermissionError(13, "Permission denied", "/tmp/x")

    monkeypatch.setattr(on_worker.Store, "copy", broken)
    done = ends(inside(jobs=1), place.task("one", "copy"))["one"]
    assert isinstance(done.error, BadInput)
    assert str(done.error) == "worker 0: /tmp/x: Permission denied"


def test_a_bug_on_the_worker_is_told_in_a_line_and_no_lost_worker(place, monkeypatch):
    def broken(self, files):
        raise ZeroDivisionError("a bug\nof ours")

    monkeypatch.setattr(on_worker.Store, "copy", broken)
    done = ends(inside(jobs=1), place.task("one", "copy"))["one"]
    assert isinstance(done.error, RuntimeCrashed)
    assert str(done.error) == "worker 0: ZeroDivisionError: a bug of ours"
    assert not any("was lost" in line for line in place.said)


def test_a_folder_by_a_roundabout_path_has_a_name(place):
    folder = Folder(place.root / "below" / "..", ())
    assert folder.path.name == place.root.name and Folder(Path(), ()).path == Path.cwd()


WRONG = ("tcp://host", "host:8786", "http://host:1", "tcp://:1", "tcp://host:x", "", "Dask")


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(BadInput, match=r"--scheduler .*: allowed are local, dask, tcp://HOST:PORT"):
        dask_executor.Dask(address, jobs=1, say=lambda line: None)


def test_a_scheduler_that_anybody_reaches_gets_a_warning(monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.05)
    for address, warned in (("tcp://192.0.2.1:1", True), ("tcp://127.0.0.1:1", False)):
        said: list[str] = []
        with pytest.raises(RuntimeUnavailable, match=f"^{address}: no Dask scheduler answers"):
            dask_executor.Dask(address, jobs=1, say=said.append)
        assert [line.startswith(f"warning: {address}: ") for line in said] == [True] * warned


def test_without_dask_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeUnavailable) as caught:
        dask_executor.Dask("dask", jobs=1, say=lambda line: None)
    assert str(caught.value) == (
        "--scheduler dask: Dask is not installed; pip install 'edgeae[dask]'"
    )
