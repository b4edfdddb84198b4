"""`edgeae.train` and `edgeae.export`: children do the work, and nothing is printed unasked."""

import importlib.metadata
import sys

import numpy as np
import pytest
import tiny

import edgeae
from edgeae.errors import BadInput, EdgeaeError, RuntimeCrashed, RuntimeUnavailable
from edgeae.families.command import train_command
from edgeae.training import zoo


@pytest.fixture
def asked(monkeypatch):
    """The words that a training would get, instead of a training; it fails with exit code 3."""
    words: list[list[str]] = []

    def train_one(given: list[str], say: object) -> tuple[int, str]:
        words.append(given)
        return 3, "no training here"

    monkeypatch.setattr(zoo, "train_one", train_one)
    return words


def test_settings_become_the_options_of_the_command(asked, tmp_path):
    with pytest.raises(EdgeaeError, match="no training here") as caught:
        edgeae.train(
            "deep",
            data="rows.csv",
            build=tmp_path,
            code=8,
            hidden=(24, 12),
            learning_rate=1e-3,
            pretrain=True,
            label="y",
            split=(70, 10, 20),
            force=True,
        )
    assert caught.value.code == 3
    (words,) = asked
    assert words == [
        *("deep", "--data", "rows.csv", "--build", str(tmp_path), "--name", "deep-c8"),
        *("--code", "8", "--lr", "0.001", "--hidden", "24,12", "--pretrain"),
        *("--label", "y", "--split", "70:10:20", "--force"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"family": "dep"}, "unknown family 'dep'; did you mean 'deep'"),
        ({"cod": 8}, "unknown setting 'cod'; did you mean 'code'"),
        ({"code": "8"}, "code = '8': allowed is a whole number"),
        ({"code": 0}, "--code 0: allowed is 1 to"),
        ({"hidden": (128, 0.5)}, r"hidden\[1\] = 0.5: allowed is a whole number"),
        ({"tied": True}, "--tied: family deep does not have this option"),
        ({"name": "../up"}, r"name '\.\./up': allowed is a file's name"),
        ({"name": "report"}, "name 'report': allowed is .* none of report"),
        ({"split": (70, 10, 10)}, "--split 70:10:10: adds to 90"),
    ],
)
def test_a_wrong_argument_starts_no_training(arguments, told, asked, tmp_path):
    with pytest.raises(BadInput, match=told):
        edgeae.train(**{"family": "deep", "build": tmp_path, **arguments})
    assert asked == []


def test_without_tensorflow_the_remedy_is_told(asked, monkeypatch, tmp_path):
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'edgeae\[host\]'"):
        edgeae.train("deep", data="digits", build=tmp_path)
    assert asked == []


def test_the_exit_code_is_the_error(monkeypatch, tmp_path):
    for code, kind in ((2, BadInput), (5, RuntimeCrashed)):
        monkeypatch.setattr(zoo, "train_one", lambda words, say, code=code: (code, "told"))
        with pytest.raises(kind, match="told"):
            edgeae.train("deep", data="digits", build=tmp_path)


def test_an_export_of_no_model_or_recipe_is_refused(tmp_path):
    with pytest.raises(BadInput, match="unknown model 'deep'"):
        edgeae.export("deep", build=tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "train.json").write_text("{}")
    with pytest.raises(BadInput, match="unknown recipe 'inta8'; did you mean 'int8'"):
        edgeae.export("deep", "inta8", build=tmp_path)
    with pytest.raises(BadInput, match=r"train\.json: damaged"):
        edgeae.export("deep", build=tmp_path)


@pytest.mark.system
@pytest.mark.tensorflow
def test_a_model_is_trained_exported_and_run_and_nothing_is_said(tmp_path, capfd):
    before = "tensorflow" in sys.modules  # by another test of this process
    tiny.dataset_file(tmp_path)
    how = {"data": tmp_path / "tiny.npz", "build": tmp_path / "build", "code": 4, "epochs": 2}
    model = edgeae.train("deep", hidden=[8], **how)
    assert (model.name, model.folder) == ("deep-c4", tmp_path / "build" / "deep-c4")
    assert model.training.configuration["epochs"] == 2 and model.losses["test"] > 0
    words = train_command(model.training)
    assert words[:3] == ["edgeae", "train", "deep"] and "--hidden" in words
    lines: list[str] = []
    again = edgeae.train("deep", hidden=(8,), **how, progress=lines.append)
    assert again == model and lines == [f"{model.folder}: up to date"]
    with model.export() as bundle:
        assert bundle.name == "deep-c4/int8"
        codes = bundle.encode(tiny.images(5))
        assert codes.shape == (5, 4) and np.isfinite(codes).all()
    with edgeae.export("deep-c4", "int8", build=tmp_path / "build") as same:
        np.testing.assert_array_equal(same.encode(tiny.images(5)), codes)
    told = capfd.readouterr()
    # of LiteRT, once a process
    assert [line for line in told.err.splitlines() if not line.startswith("INFO: ")] == []
    assert told.out == ""
    assert ("tensorflow" in sys.modules) == before
