"""`kill -9` in the middle of real exports, then again: only what was not finished is made.

What needs no TensorFlow to be shown is in `test_matrix.py`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from edgeae_cli import ROOT, edgeae
from family_models import pictures, train_all
from folder_state import folder_state

from edgeae.artifacts.bundle import open_bundle

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

#: The first runs long after the others: it is killed while it fine-tunes.
SLOW, QUICK = "slow", ("float32", "int8")
STEPS = 6000
MATRIX = f'[[cells]]\nrecipes = ["{SLOW}", "{QUICK[0]}", "{QUICK[1]}"]'
RECIPE = f'extends = "p60-int8"\nformats = ["tflite"]\n[prune]\nsteps = {STEPS}'
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kill")
    train_all(place, str(pictures(place / "pictures.npz")), ["simple"], steps=20)
    (place / "export").mkdir()
    (place / "export" / "matrix.toml").write_text(MATRIX)
    (place / "export" / f"{SLOW}.toml").write_text(RECIPE)
    return place


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "project")


def start(place: Path, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edgeae", "export", "--jobs", "2"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def descendants(process: int) -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found, level = set(), {process}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found |= level
    return found


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def bundles(place: Path) -> set[str]:
    return {path.parent.name for path in place.glob("build/simple/*/manifest.json")}


def kill_the_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def kill_the_parent_alone(process: subprocess.Popen[bytes]) -> None:
    process.kill()


@pytest.mark.parametrize("kill", [kill_the_group, kill_the_parent_alone])
def test_only_unfinished_bundles_are_made_again(kill, place):
    store = place / "build" / "simple" / ".bundles"
    process = start(place)
    try:
        until(lambda: bool(bundles(place)) and any(store.glob(f"{SLOW}@*.part")))
        ours = descendants(process.pid)
        assert ours and process.poll() is None
    finally:
        kill(process)
        process.wait(timeout=60)
    until(lambda: not any(map(alive, ours)))  # nobody goes on writing
    finished = bundles(place)
    assert finished and finished < {SLOW, *QUICK}
    assert list(store.glob("*.part"))
    before = {name: folder_state(place / "build" / "simple" / name) for name in finished}
    originals = folder_state(place / "build" / "simple")
    targets = {name: (place / "build" / "simple" / name).readlink() for name in finished}

    again = edgeae("export", "--jobs", "2", cwd=place, timeout=1200)
    assert again.returncode == 0, again.stderr
    assert f"export: {len(finished)} of 3 up to date" in again.stderr
    assert again.stderr.count(" exported in ") == 3 - len(finished)
    for name in finished:
        assert f"{name} exported in" not in again.stderr
        assert (place / "build" / "simple" / name).readlink() == targets[name]
        assert folder_state(place / "build" / "simple" / name) == before[name]
    assert bundles(place) == {SLOW, *QUICK}
    for name in (SLOW, *QUICK):
        open_bundle(place / "build" / "simple" / name).check()
    # one folder a bundle and one lock that nobody holds: nothing else is left
    folders = sorted(path.name.partition("@")[0] for path in store.iterdir() if path.is_dir())
    assert folders == sorted((SLOW, *QUICK))
    assert list((place / "build").rglob("*.tmp")) == list((place / "build").rglob("*.part")) == []
    after = folder_state(place / "build" / "simple")
    for name in ("model.keras", "train.json"):
        assert after[name] == originals[name]
    assert edgeae("export", cwd=place).stderr == "export: 3 of 3 up to date\n"


def test_a_killed_child_is_told_and_the_other_bundles_are_made(place):
    """As the kernel does to a child when memory runs out."""
    store = place / "build" / "simple" / ".bundles"
    process = start(place, subprocess.PIPE)
    try:
        until(lambda: any(store.glob(f"{SLOW}@*.part")))
        until(lambda: any(_builds(child, SLOW) for child in descendants(process.pid)))
        (child,) = [child for child in descendants(process.pid) if _builds(child, SLOW)]
        os.kill(child, signal.SIGKILL)
        _, told = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 5
    (line,) = [line for line in told.splitlines() if line.startswith("edgeae: ")]
    assert line.startswith(f"edgeae: build/simple/{SLOW}: crashed with SIGKILL")
    assert bundles(place) == set(QUICK)
    assert not list(store.glob("*.part"))


def _builds(process: int, plan: str) -> bool:
    """Whether a child is the one of a recipe: its order is the file at its standard input."""
    try:
        return f'"name": "{plan}"' in Path(f"/proc/{process}/fd/0").read_text()
    except OSError:
        return False
