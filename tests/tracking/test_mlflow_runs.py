"""What MLflow is told, and what becomes of it when nobody listens: its client is a stand-in."""

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
import tiny
from edgeae_cli import TESTS, edgeae_here
from fake_exports import fake_model

from edgeae import __version__
from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.model import open_model
from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.families.table import settings
from edgeae.tracking import mlflow
from edgeae.tracking.mlflow import Mlflow
from edgeae.tracking.run import of_bundle, of_sweep, of_training
from edgeae.training.current import tool_versions

PLAN = json.loads(json.dumps(asdict(settings("deep", epochs=2, hidden=(9, 7), learning_rate=0.5))))
CURVE = [
    {"loss": 0.5, "reconstruction": 0.5, "validation_loss": 0.25},
    {"loss": 0.125, "reconstruction": 0.125, "validation_loss": 0.75},
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let MLflow be a stand-in, and return its store."""
    path = tmp_path / "store.json"
    monkeypatch.syspath_prepend(TESTS / "stand_ins")
    monkeypatch.setenv("PYTHONPATH", f"{TESTS / 'stand_ins'}:{TESTS.parent}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(path))
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "FAKE_MLFLOW"):
        monkeypatch.delenv(name, raising=False)
    return path


def rows(store: Path) -> list[dict]:
    return json.loads(store.read_text())["runs"]


def model(folder: Path, **changes: object) -> Path:
    dataset = {"name": "tiny", "sha256": "d" * 64, "data": "tiny.npz", "train": 90}
    usual = {"family": "deep", "configuration": PLAN, "curve": CURVE, "losses": {"test": 0.375}}
    fake_model(
        folder, **{**usual, "dataset": dataset, "seconds": 2.5, "tools": {"tf": "2"}, **changes}
    )
    return folder


def test_a_training_is_a_run_with_a_metric_for_each_epoch(store: Path, tmp_path: Path) -> None:
    folder = model(tmp_path / "some")
    told = Mlflow().log([of_training(folder, open_model(folder))])
    assert told == f"mlflow: 1 run logged to {store}, experiment edgeae"
    (row,) = rows(store)
    assert (row["status"], row["experiment"]) == ("FINISHED", "experiment edgeae")
    assert row["end"] - row["start"] == 2500
    assert row["end"] == round(1000 * (folder / "train.json").stat().st_mtime)
    metrics = [(key, step, value) for key, value, _, step in row["metrics"]]
    assert set(metrics) == {
        *(("loss/training", 1, 0.5), ("loss/training", 2, 0.125)),
        *(("loss/validation", 1, 0.25), ("loss/validation", 2, 0.75)),
        *(("learning_rate", 1, 0.5 * 0.505), ("learning_rate", 2, 0.5 * 0.01)),
        *(("loss/test", 1, 0.375), ("best_epoch", 0, 1), ("seconds", 0, 2.5)),
    }
    assert (
        row["params"].items()
        >= {
            **{
                "family": "deep",
                "code": "32",
                "hidden": "9,7",
                "activation": "relu",
                "epochs": "2",
            },
            **{
                "seed": "0",
                "batch": "128",
                "data": "tiny",
                "train_rows": "90",
                "pretrain": "false",
            },
        }.items()
    )
    assert "tied" not in row["params"] and "macs" not in row["params"]
    assert (
        row["tags"].items()
        >= {
            **{"mlflow.runName": "some", "edgeae.kind": "training", "edgeae.version": __version__},
            **{"edgeae.weights_sha256": open_model(folder).weights_sha256, "edgeae.tools.tf": "2"},
        }.items()
    )
    assert row["files"] == {"train.json": (folder / "train.json").read_text()}


def test_what_is_there_is_not_logged_again(store: Path, tmp_path: Path) -> None:
    folder = model(tmp_path / "some")
    Mlflow().log([of_training(folder, open_model(folder))])
    again = model(tmp_path / "some", seconds=9.0)  # the same training, made again
    other = model(tmp_path / "other")
    longer = model(tmp_path / "longer" / "some", configuration={**PLAN, "epochs": 3})
    found = [of_training(path, open_model(path)) for path in (again, other, longer)]
    assert Mlflow().log(found).endswith("experiment edgeae; already there: 1")
    assert [row["tags"]["mlflow.runName"] for row in rows(store)] == ["some", "other", "some"]


def test_a_bundle_is_a_run_of_its_manifest(store: Path, tmp_path: Path) -> None:
    bundle = tiny.write_bundle(tmp_path / "tiny" / "int8")
    training = fake_model(tmp_path / "tiny", family="imported")
    run = of_bundle(bundle, training, {"instructions": 7, "flash_bytes": None})
    Mlflow().log([run])
    (row,) = rows(store)
    loss, whole = bundle.manifest.loss, bundle.artifact("autoencoder")
    metrics = {key: value for key, value, _, step in row["metrics"] if step == 0}
    assert (
        metrics.items()
        >= {
            **{"loss": loss.exported, "float_loss": loss.float32, "instructions": 7},
            **{"bytes": whole.bytes, f"size/{whole.path}": whole.bytes},
        }.items()
    )
    assert "flash_bytes" not in metrics
    # a folder cannot have the name of a file: so MLflow stores a metric and a group
    assert not {key.partition("/")[0] for key in metrics if "/" in key} & set(metrics)
    assert row["params"]["recipe"] == bundle.manifest.recipe
    assert row["params"]["family"] == "imported"
    assert row["tags"]["edgeae.manifest_sha256"] == bundle.sha256
    assert json.loads(row["files"]["manifest.json"])["model"] == "tiny"


def test_a_sweep_is_a_run_with_its_models_and_bundles_below(store: Path, tmp_path: Path) -> None:
    folder = model(tmp_path / "some")
    (tmp_path / "s.json").write_text("{}")
    tables = {"grid": {"codes": [4, 8], "data": "tiny", "exclude": []}, "train": {"epochs": None}}
    below = (of_training(folder, open_model(folder)),)
    # a run of the same training that stands by itself is another run
    Mlflow().log(below)
    Mlflow().log([of_sweep("s", tmp_path / "s.json", tables, below)])
    _, parent, child = rows(store)
    assert parent["params"] == {"grid.codes": "[4, 8]", "grid.data": "tiny"}
    assert child["tags"]["mlflow.parentRunId"] == parent["id"]
    assert "mlflow.parentRunId" not in parent["tags"]
    assert parent["status"] == child["status"] == "FINISHED"


def test_the_experiment_is_the_users_if_named(store: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    folder = model(tmp_path / "some")
    assert Mlflow().log([of_training(folder, open_model(folder))]).endswith("experiment mine")
    assert rows(store)[0]["experiment"] == "experiment mine"


def test_more_than_mlflow_takes_at_once_is_sent_in_parts(store: Path, tmp_path: Path) -> None:
    long = [{"loss": 1.0 / n, "validation_loss": 1.0} for n in range(1, 1201)]
    folder = model(tmp_path / "some", curve=long, configuration={**PLAN, "epochs": 1200})
    Mlflow().log([of_training(folder, open_model(folder))])
    found = [step for key, _, _, step in rows(store)[0]["metrics"] if key == "loss/training"]
    assert found == list(range(1, 1201))


# What can go wrong


def train(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `edgeae train` for a model that is up to date."""
    if not (tmp_path / "rows.npz").exists():
        shutil.copy(tiny.dataset_file(tmp_path), tmp_path / "rows.npz")
        from edgeae import data

        rows = tmp_path / "rows.npz"
        found = data.load(str(rows))
        told = {"name": found.name, "sha256": found.sha256, "data": data.absolute(str(rows))}
        plan = json.loads(json.dumps(asdict(settings("simple", epochs=2))))
        model(
            tmp_path / "build" / "simple",
            family="simple",
            configuration=plan,
            dataset={**told, "mean_loss": 1.0},
            normalization={"scale": 1.0, "offset": 0.0},
            tools=tool_versions(),
        )
    return edgeae_here("train", "simple", "--epochs=2", "--data=rows.npz", *words, cwd=tmp_path)


def test_a_model_that_is_up_to_date_is_logged_once_and_its_curve_is_written(
    store: Path, tmp_path: Path
) -> None:
    for count in ("1 run logged", "0 runs logged"):
        done = train(tmp_path, "--mlflow", "--tensorboard")
        assert done.returncode == 0, done.stderr
        said = done.stderr.splitlines()
        assert said[-3:-1] == [
            "build/simple: up to date",
            "curves: tensorboard --logdir build/tensorboard",
        ]
        assert said[-1].startswith(f"mlflow: {count}")
    assert len(rows(store)) == 1
    assert len(list((tmp_path / "build/tensorboard/simple").iterdir())) == 1


def test_nothing_is_logged_unless_asked_for(store: Path, tmp_path: Path) -> None:
    assert train(tmp_path).returncode == 0
    assert not store.exists() and not (tmp_path / "build" / "tensorboard").exists()


def test_a_server_that_does_not_answer_is_said_before_anything_is_trained(
    store: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("FAKE_MLFLOW", '{"calls": 0}')
    done = train(tmp_path, "--mlflow", "--force")
    assert done.returncode == RuntimeUnavailable.code
    assert done.stderr.splitlines() == [
        f"edgeae: MLFLOW_TRACKING_URI {store}: no MLflow server answers (Connection refused); "
        "`mlflow server` starts one"
    ]


def test_a_server_that_went_away_costs_no_training(store: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_MLFLOW", '{"calls": 5}')
    done = train(tmp_path, "--mlflow", "--json")
    assert done.returncode == RuntimeUnavailable.code
    assert done.stderr.splitlines()[-1] == (
        f"edgeae: not logged: MLFLOW_TRACKING_URI {store}: no MLflow server answers (Connection "
        "refused); `mlflow server` starts one; the same command logs what is missing"
    )
    assert json.loads(done.stdout)["model"] == "simple"
    assert [row["status"] for row in rows(store)] == ["RUNNING"]
    # what was cut off is not taken for logged
    monkeypatch.delenv("FAKE_MLFLOW")
    assert train(tmp_path, "--mlflow").returncode == 0
    assert [row["status"] for row in rows(store)] == ["RUNNING", "FINISHED"]


def test_a_run_that_is_refused_has_failed(store: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_MLFLOW", '{"refuses": "log_artifact"}')
    folder = model(tmp_path / "some")
    with pytest.raises(BadInput, match="MLflow refuses: PERMISSION_DENIED: not yours"):
        Mlflow().log([of_training(folder, open_model(folder))])
    assert [row["status"] for row in rows(store)] == ["FAILED"]


def test_no_address_and_no_mlflow(store: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    done = train(tmp_path, "--mlflow")
    assert done.returncode == BadInput.code and "MLFLOW_TRACKING_URI is not set" in done.stderr
    monkeypatch.setattr(mlflow.importlib.util, "find_spec", lambda name: None)
    done = train(tmp_path, "--mlflow")
    assert done.returncode == RuntimeUnavailable.code
    assert done.stderr.splitlines() == [
        "edgeae: --mlflow: MLflow is not installed; pip install 'edgeae[mlflow]'"
    ]


def test_a_password_is_not_shown(monkeypatch) -> None:
    assert mlflow._shown("https://me:secret@host:1/a") == "https://host:1/a"
    assert mlflow._shown("databricks://profile") == "databricks://profile"


def test_an_export_logs_its_bundles(store: Path, tmp_path: Path, monkeypatch) -> None:
    from fake_exports import Project

    project = Project(tmp_path / "p", "some")
    asked = []

    def ask(job: dict, limits: dict, timeout_s: float) -> list[dict]:
        asked.append(job["runs"])
        return [{"logged": len(job["runs"]), "experiment": "experiment e"}]

    monkeypatch.setattr(mlflow, "_ask", ask)
    done = project.here("some", "-r", "int8", "-r", "float32", "--mlflow")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == f"mlflow: 2 runs logged to {store}, experiment e"
    assert asked[0] == []
    links = [project.build / "some" / run["params"]["recipe"] for run in asked[1]]
    assert sorted(link.name for link in links) == ["float32", "int8"]
    assert [run["tags"]["edgeae.manifest_sha256"] for run in asked[1]] == [
        open_bundle(link).sha256 for link in links
    ]
