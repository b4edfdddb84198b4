"""`edgeae zoo`: children of a stand-in, and one family for real."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import ROOT, edgeae, edgeae_here

from edgeae.families.table import FAMILIES, model_name, settings
from edgeae.training import zoo
from edgeae.training.tasks import Asked
from edgeae.training.zoo import TrainingOutcome, train_all

#: A child: says what it was asked, then does what the family's name is mapped to.
CHILD = """
import os, signal, sys, time
family, *options = sys.argv[1:]
print(family, *options, file=sys.stderr)
if family == "deep":
    print("edgeae: the loss is no number", file=sys.stderr)
    sys.exit(2)
if family == "conv":
    os.kill(os.getpid(), signal.SIGSEGV)
if family == "mobile":
    sys.exit(130)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "child.py"
    path.write_text(CHILD)
    monkeypatch.setattr(zoo, "_COMMAND", (sys.executable, str(path)))
    return path


def run(
    *families: str, jobs: int = 2, **options: bool
) -> tuple[dict[str, TrainingOutcome], list[str]]:
    lines: list[str] = []
    asked = {
        name: Asked(Path("b") / model_name(settings(name)), settings(name), "digits", "d" * 64)
        for name in families
    }
    found = list(train_all(asked, jobs=jobs, say=lines.append, **{"force": False, **options}))
    return {item.family: item for item in found}, lines


def test_a_family_that_fails_does_not_stop_the_others(stand_in: Path) -> None:
    found, lines = run("simple", "deep", "conv", "mobile", "overcomplete")
    assert found["simple"] == TrainingOutcome("simple", Path("b/simple"), 0, "")
    assert found["overcomplete"].folder == Path("b/overcomplete-c1024")
    assert (found["deep"].code, found["deep"].error) == (2, "the loss is no number")
    assert (found["conv"].code, found["conv"].error) == (5, "crashed with SIGSEGV")
    assert found["mobile"].code == 5  # interrupted, but not by us
    assert "simple --data digits --build b --json" in lines
    assert not [line for line in lines if line.startswith("edgeae: ")]


def test_force_and_curves_are_passed_on(stand_in: Path) -> None:
    assert run("simple", force=True, jobs=1)[1] == ["simple --data digits --build b --json --force"]
    (line,) = run("simple", tensorboard=True, jobs=1)[1]
    assert line == "simple --data digits --build b --json --tensorboard"


PARENT = """
import sys
from pathlib import Path
from edgeae.training import zoo
zoo._COMMAND = (sys.executable, sys.argv[1])
def told(line):  # of several threads: `print` writes the line and its end apart
    sys.stdout.write(f"{line}\\n")
    sys.stdout.flush()
from edgeae.families.table import settings
asked = {
    name: zoo.Asked(Path(name), settings(name), "digits", "d" * 64) for name in sys.argv[2:]
}
list(zoo.train_all(asked, jobs=2, force=False, say=told))
"""
SLOW = """
import os, signal, sys, time
def keep(*_):
    open(sys.argv[1] + ".kept", "w").close()
    sys.exit(130)
signal.signal(signal.SIGTERM, keep)
print(os.getpid(), file=sys.stderr, flush=True)
time.sleep(300)
"""


def started(tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a zoo of three families; return its process, and those of the two that it trains."""
    (tmp_path / "slow.py").write_text(SLOW)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "slow.py"), "simple", "deep", "conv"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    return parent, [int(parent.stdout.readline()) for _ in range(2)]


def test_trainings_do_not_outlive_a_zoo_that_is_killed(tmp_path: Path) -> None:
    parent, children = started(tmp_path)
    parent.kill()
    parent.communicate(timeout=10)  # to the end of what they could say
    deadline = time.monotonic() + 10
    while any(map(alive, children)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not list(tmp_path.glob("*.kept"))


def alive(process: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_interrupt_lets_each_training_keep_what_it_has(tmp_path: Path) -> None:
    parent, children = started(tmp_path)
    parent.send_signal(signal.SIGINT)
    _, error = parent.communicate(timeout=120)
    assert "KeyboardInterrupt" in error
    assert {path.name for path in tmp_path.glob("*.kept")} == {"simple.kept", "deep.kept"}
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_an_unknown_family_and_missing_data_are_said_before_a_child_starts(tmp_path: Path) -> None:
    done = edgeae_here("zoo", "simpel", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'simple'" in done.stderr
    done = edgeae_here("zoo", "--data", "none.npz", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("none.npz") == 1
    assert not (tmp_path / "build").exists()


@pytest.mark.tensorflow
@pytest.mark.ways
def test_two_families_one_of_which_cannot_be_trained(tmp_path: Path) -> None:
    """Vectors of 40 values: `simple` takes them, `conv` needs pictures."""
    draw = np.random.default_rng(0)
    low = draw.random((440, 4)) @ draw.random((4, 40))
    rows = (low / low.max()).astype(np.float32)
    np.savez(tmp_path / "rows.npz", x_train=rows[:400], x_test=rows[400:])
    done = edgeae("zoo", "simple", "conv", "--data", "rows.npz", "--json", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    table = json.loads(done.stdout)
    assert list(table) == ["simple", "conv"] and "images of shape (40,)" in table["conv"]["error"]
    trained = json.loads((tmp_path / "build/simple/train.json").read_text())
    row = table["simple"]
    assert row["mse"] == trained["losses"]["test"] == trained["yardsticks"]["model"]["mse"]
    assert row["pca_mse"] == trained["yardsticks"]["pca"]["mse"] < row["mean_mse"]
    assert (row["ssim"], row["epochs"]) == (None, FAMILIES["simple"].defaults.epochs)
    assert "edgeae: conv: family conv" in done.stderr and "train simple: 15/15" in done.stderr
    again = edgeae_here("zoo", "simple", "--data", "rows.npz", cwd=tmp_path)
    assert again.returncode == 0 and "up to date" in again.stderr
    header, line = again.stdout.splitlines()
    assert header.split()[0] == "model" and line.split()[0] == "simple"
    assert f"{row['mse']:.5f}" in line and f"{row['pca_mse']:.5f}" in line
