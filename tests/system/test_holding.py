"""Bundles that are replaced while others read them."""

import fcntl
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiny

from edgeae.artifacts.bundle import STORE, find_bundles, holding, open_bundle
from edgeae.artifacts.publish import building
from edgeae.artifacts.verified_artifact import open_program
from edgeae.errors import BadInput, EdgeaeError
from edgeae.system import atomic
from edgeae.system.holding import held
from edgeae.verify.rows import VERIFY
from edgeae.verify.run import verify

pytestmark = pytest.mark.cold


def publish(model: Path, source: Path) -> None:
    """Publish a copy of a bundle as `int8`."""
    with building(model, "int8") as out:
        shutil.copytree(source, out, dirs_exist_ok=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tiny.write_bundle(tmp_path / "source" / "int8", model="tiny", recipe="int8").root


@pytest.fixture
def model(tmp_path: Path, source: Path) -> Path:
    folder = tmp_path / "build" / "tiny"
    publish(folder, source)
    return folder


def stored(model: Path) -> list[str]:
    return sorted(path.name for path in (model / STORE).iterdir() if path.is_dir())


def test_what_is_held_outlives_its_replacement(model, source):
    with holding(model / "int8") as bundle:
        publish(model, source)
        bundle.check()
        assert len(stored(model)) == 2 and not bundle.is_current
    assert len(stored(model)) == 1  # the last reader deleted it
    open_bundle(model / "int8").check()


def test_the_last_of_several_readers_deletes(model, source):
    with holding(model / "int8") as first:
        with holding(model / "int8") as second:
            publish(model, source)
            assert first.root == second.root
        first.check()
    assert len(stored(model)) == 1


def test_nobody_reads_so_it_goes_at_once(model, source):
    before = stored(model)
    publish(model, source)
    assert len(stored(model)) == 1 and stored(model) != before


def test_what_is_still_shown_is_not_deleted(model):
    with holding(model / "int8"):
        pass
    with held((model / "int8").resolve()):  # the folder itself, not the link
        pass
    open_bundle(model / "int8").check()


def test_a_reader_that_was_killed_is_in_nobodys_way(model, source):
    program = (
        "import pathlib, sys\n"
        "from edgeae.system.holding import held\n"
        "with held(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    input()\n"
    )
    command = [sys.executable, "-c", program, model / "int8"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as reader:
        assert reader.stdout.readline() == b"held\n"
        publish(model, source)
        assert len(stored(model)) == 2
        reader.kill()
    publish(model, source)
    assert len(stored(model)) == 1


def test_what_is_replaced_as_its_reader_lets_go_is_deleted(model, source, monkeypatch):
    flock = fcntl.flock
    late = iter([lambda: publish(model, source)])

    def release(descriptor, how):
        if how == fcntl.LOCK_UN:
            next(late, lambda: None)()  # the publisher still finds a reader
        flock(descriptor, how)

    with holding(model / "int8"):
        monkeypatch.setattr(fcntl, "flock", release)
    assert len(stored(model)) == 1


def test_verify_writes_nothing_into_a_folder_that_was_replaced(model, source):
    (bundle,) = find_bundles([model])
    told: list[str] = []

    def say(line: str) -> None:
        if not told:
            publish(model, source)
        told.append(line)

    findings = verify(bundle, None, ["litert-reference"], say)
    assert findings.codes == () and "a newer export replaced the bundle" in told[-1]
    assert len(stored(model)) == 1 and not (model / "int8" / VERIFY).exists()


def test_verify_makes_no_folder_anew(source):
    (bundle,) = find_bundles([source])
    told: list[str] = []

    def say(line: str) -> None:
        if not told:  # its files are read by then
            told.append(line)
            shutil.rmtree(source)

    with pytest.raises(EdgeaeError):
        verify(bundle, None, ["litert-reference"], say)
    assert not source.exists()


def test_readers_race_with_publishing(model, source):
    """Each read sees one bundle, whole; what was replaced is gone in the end."""
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        while not done.is_set():
            try:
                with holding(model / "int8") as bundle:
                    bundle.check()
                open_program(model / "int8", "encoder", "tflite")
            except BaseException as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(40):
        publish(model, source)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == [] and len(stored(model)) == 1


def test_a_dangling_link_is_no_bundle(tmp_path):
    (tmp_path / "int8").symlink_to("nowhere")
    with pytest.raises(BadInput, match="not a bundle"):
        open_bundle(tmp_path / "int8")


def test_a_bundle_elsewhere_is_held_too(source):
    with holding(source) as bundle:
        assert bundle.root == source and bundle.is_current
    open_bundle(source).check()


def test_a_file_is_written_into_no_folder_that_is_gone(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic.write_text(tmp_path / "gone" / VERIFY, "{}", parents=False)
    assert not (tmp_path / "gone").exists()
