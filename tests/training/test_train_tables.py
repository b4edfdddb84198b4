"""`edgeae train` on a table: the record, the losses by column, and when a training is repeated."""

import json
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import edgeae_forked, edgeae_here
from original_models import trained

from edgeae import data
from edgeae.data import Reading
from edgeae.families.command import train_command
from edgeae.families.table import settings
from edgeae.training.current import current, journal_key
from edgeae.training.table import by_column

SPLIT = (70, 10, 20)


@pytest.fixture
def table(tmp_path) -> Path:
    """Rows in [0, 1], for the families whose output is a sigmoid."""
    rows = np.random.default_rng(0).uniform(0, 1, (80, 5))
    lines = [f"{n},{','.join(map(repr, row))},{n % 3}" for n, row in enumerate(rows.tolist())]
    (tmp_path / "t.csv").write_text("\n".join(["id,a,b,c,d,e,y", *lines]) + "\n")
    return tmp_path / "t.csv"


def reading(**changes) -> Reading:
    return Reading(**{"drop": ("id",), "label": "y", "split": SPLIT} | changes)


@pytest.fixture
def model(table):
    """A model's folder, as a training on that table leaves it, without the training."""
    loaded = data.load(str(table), reading=reading())
    told = {"name": "t", "sha256": loaded.sha256, "data": str(table), **loaded.recorded()}
    folder = table.parent / "simple"
    return folder, trained(folder, "digits", dataset=told)


def test_a_training_is_current_until_its_rows_are_read_otherwise(table, model):
    folder, _ = model
    plan, said = settings("simple"), str(table)
    assert current(folder, plan, said, reading()) is not None
    for changes in ({"seed": 1}, {"standardize": True}, {"label": None, "drop": ("id", "y")}):
        assert current(folder, plan, said, reading(**changes)) is None
    assert current(folder, plan, said) is None


def test_a_model_is_read_again_by_the_names_of_its_columns(table, model):
    _, training = model
    again = data.load_recorded(training)
    assert again.sha256 == training.dataset["sha256"] and again.columns == tuple("abcde")
    lines = table.read_text().splitlines()
    turned = [",".join(reversed(line.split(","))) for line in lines]
    table.write_text("\n".join(turned) + "\n")
    assert data.load_recorded(training).sha256 == training.dataset["sha256"]
    everything = data.load_for(training, str(table))
    assert everything.test.shape == (80, 5) and everything.test_labels.tolist()[:4] == [0, 1, 2, 0]
    assert data.load_for(training, str(table), label="id").test_labels.tolist() == list(range(80))


def test_the_command_of_a_report_says_how_rows_were_read(model):
    _, training = model
    words = train_command(training)
    assert words[4:11] == [
        str(training.data),
        "--drop",
        "id",
        "--label",
        "y",
        "--split",
        "70:10:20",
    ]


def test_a_journal_belongs_to_one_reading(table):
    keys = {
        journal_key(settings("simple"), data.load(str(table), reading=reading(**changes)))
        for changes in ({}, {"seed": 2}, {"standardize": True})
    }
    assert len(keys) == 3


def test_the_worst_columns_are_printed_relative_to_their_spread():
    losses = {f"c{n}": {"model": n * 10.0**n, "mean": 100 * 10.0**n} for n in range(8)}
    losses["same"] = {"model": 3.0, "mean": 0.0}
    lines = by_column(losses).splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["c7", "c6", "c5", "c4", "c3"]
    assert lines[1].split() == ["c7", "7e+07", "7.0%"]
    assert lines[6] == "and 4 columns with less of the mean's error"


def test_a_probe_is_refused_labels_of_words(table):
    table.write_text(table.read_text().replace(",0\n", ",odd\n"))
    done = edgeae_here(
        *("train", "simple", "--data", "t.csv", "--drop", "id", "--label", "y"),
        *("--split", "70:10:20", "--probe"),
        cwd=table.parent,
    )
    assert done.returncode == 2
    assert "t.csv: the labels are texts; --probe needs whole numbers" in done.stderr


@pytest.mark.tensorflow
def test_a_table_is_trained_on_and_its_columns_losses_are_told(table):
    words = ("train", "simple", "--code", "2", "--epochs", "1", "--data", "t.csv", "--drop", "id")
    options = ("--label", "y", "--split", "70:10:20")
    done = edgeae_forked(*words, *options, cwd=table.parent)
    assert done.returncode == 0, done.stderr
    record = json.loads((table.parent / "build" / "simple-c2" / "train.json").read_text())
    assert [record["dataset"][key] for key in ("train", "validation", "test")] == [56, 8, 16]
    assert record["dataset"]["columns"] == list("abcde") and record["input_shape"] == [5]
    losses = record["column_losses"]
    squares = np.mean([losses[name]["model"] ** 2 for name in "abcde"])
    assert squares == pytest.approx(record["losses"]["test"], rel=1e-4)
    assert "of the mean's" in done.stdout
    again = edgeae_forked(*words, *options, cwd=table.parent)
    assert "up to date" in again.stderr
