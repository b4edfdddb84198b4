"""A training that ends early: killed, interrupted, diverged; and what the next one makes of it."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import warm
from board_files import read
from edgeae_cli import ROOT

from edgeae.training.journal import Journal, State

pytestmark = pytest.mark.tensorflow

SMALL = ("--data", "small.npz", "--epochs", "4", "--code", "6", "--batch", "8")
#: What is hard to resume: stages, moving averages of a normalisation, noise, a sampled code.
HARD = {
    "deep": ("deep", "--hidden", "24,12", "--pretrain"),
    "mobile": ("mobile", "--hidden", "4,6"),
    "denoising": ("denoising", "--hidden", "24"),
    "variational": ("variational", "--hidden", "24"),
}
#: The command line, with fewer steps in an epoch: as many epochs are there to be killed in. It
#: sends itself a signal once an epoch of a stage is saved: no training is over before that.
QUICK = """
import os, sys
from edgeae.training import fit, journal
stage, epoch, how = sys.argv[1], *map(int, sys.argv[2:4])
del sys.argv[1:4]
fit.STEPS_PER_EPOCH = 80
save = journal.Journal.save
def ending(self, name, state):
    save(self, name, state)
    if (name, state.epoch) == (stage, epoch):
        os.kill(os.getpid(), how)
journal.Journal.save = ending
from edgeae.cli import main
main()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write pictures so small that starting TensorFlow takes longest."""
    folder = tmp_path_factory.mktemp("resume")
    images = np.random.default_rng(5).random((240, 8, 8), dtype=np.float32)
    np.savez(folder / "small.npz", x_train=images[:200], x_test=images[200:])
    return folder


class End(NamedTuple):
    """When a training is sent which signal: after an epoch of a stage; by default never."""

    stage: str = ""
    epoch: int = 0
    how: int = 0


def train(place: Path, *arguments: str, end: End | None = None) -> str:
    """Train, to the end unless said otherwise; return what the process said."""
    plan = end or End()
    done = subprocess.run(
        [*warm.python(), "-c", QUICK, *map(str, plan), "train", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    expected = {0: 0, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}
    assert done.returncode == expected[plan.how], done.stdout
    return done.stdout


def weights(place: Path, model: str) -> tuple[str, int, list[dict[str, float]]]:
    table = json.loads((place / model / "train.json").read_text())
    return table["weights_sha256"], table["best_epoch"], table["curve"]


@pytest.mark.parametrize(
    "family",
    [name if name == "deep" else pytest.param(name, marks=pytest.mark.ways) for name in HARD],
)
def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(family, place):
    command, model = (*HARD[family], *SMALL), f"{family}-c6"
    train(place, *command, "--build", "calm")
    # in the middle of a fit: the optimizer's moments count; the stages before it are over
    train(place, *command, "--tensorboard", end=End("fit", 2, signal.SIGKILL))
    # killed after the epoch was saved, and before its point was written
    assert [step for step, _ in read(place / "build" / "tensorboard" / model)] == [1]
    state = place / "build" / model / ".training" / "fit.npz"
    assert state.exists()
    assert not (place / "build" / model / "train.json").exists()
    resumed = train(place, *command, "--tensorboard")
    # it went on, and did not begin again
    first = "layer 1: 1/" if family == "deep" else f"{model}: 1/"
    assert first not in resumed and f"{model}: 4/4" in resumed
    assert weights(place / "build", model) == weights(place / "calm", model)
    assert not state.parent.exists()
    table = json.loads((place / "calm" / model / "train.json").read_text())
    *points, last = read(place / "build" / "tensorboard" / model)
    assert [step for step, _ in points] == [1, 2, 3, 4]
    assert [figures["loss/validation"] for _, figures in points] == [
        np.float32(row["validation_loss"]) for row in table["curve"]
    ]
    assert last == (table["best_epoch"], {"loss/test": np.float32(table["losses"]["test"])})


@pytest.mark.system
def test_ctrl_c_leaves_the_best_epoch_and_the_same_command_goes_on(place):
    command = ("simple", *SMALL[:2], "--epochs", "10", "--code", "6")
    told = train(place, *command, end=End("fit", 3, signal.SIGINT))
    assert "holds the best so far, epoch" in told and "Traceback" not in told
    table = json.loads((place / "build/simple-c6/train.json").read_text())
    assert table["interrupted"] and len(table["curve"]) == 3
    losses = [row["validation_loss"] for row in table["curve"]]
    assert table["best_epoch"] == 1 + int(np.argmin(losses))
    assert table["losses"]["validation"] == pytest.approx(min(losses), rel=1e-6)
    resumed = train(place, *command)
    assert "up to date" not in resumed
    assert "simple-c6: 1/10" not in resumed and "simple-c6: 10/10" in resumed
    train(place, *command, "--build", "calm")
    assert weights(place / "build", "simple-c6") == weights(place / "calm", "simple-c6")


def test_other_settings_start_over(tmp_path):
    folder = tmp_path / ".training"
    state = State(1, False, 2.5, [{"loss": 1.0}], 1, [np.ones(2)], [np.zeros(3)], [])
    Journal(folder, "one").save("fit", state)
    again = Journal(folder, "one").load("fit")
    assert again is not None and again.epoch == 1 and again.curve == [{"loss": 1.0}]
    assert np.array_equal(again.variables[0], np.ones(2)) and again.best == []
    assert Journal(folder, "two").load("fit") is None
    assert Journal(folder, "one").load("fit") is None


def test_a_damaged_state_is_trained_again(tmp_path):
    folder = tmp_path / ".training"
    for content in (b"", b"PK\x03\x04 cut"):
        journal = Journal(folder, "one")
        (folder / "fit.npz").write_bytes(content)
        assert journal.load("fit") is None


def test_a_state_of_other_types_is_trained_again(tmp_path):
    folder = tmp_path / ".training"
    known = {"epoch": 1, "finished": False, "seconds": 2.5, "curve": [], "best_epoch": 1}
    changes = [{"epoch": "1"}, {"curve": "none"}, {"curve": [{"loss": None}]}, {"more": 1}]
    for said in ([], *({**known, **change} for change in changes)):
        journal = Journal(folder, "one")
        np.savez(folder / "fit.npz", said=np.array(json.dumps(said)))
        assert journal.load("fit") is None
    np.savez(folder / "fit.npz", said=np.array(json.dumps(known)))
    assert Journal(folder, "one").load("fit") is not None


def test_a_journal_that_is_no_file_is_none(tmp_path):
    folder = tmp_path / ".training"
    Journal(folder, "one")
    (folder / "fit.npz").symlink_to("/dev/zero")
    assert Journal(folder, "one").load("fit") is None
    (folder / "key").unlink()
    (folder / "key").symlink_to("/dev/zero")
    assert Journal(folder, "one").load("fit") is None
