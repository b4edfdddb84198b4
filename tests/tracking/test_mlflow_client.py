"""Runs that MLflow's own client wrote into a folder, as that client reads them again."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
from fake_exports import fake_model
from test_mlflow_runs import CURVE, model

from edgeae.artifacts.model import open_model
from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.tracking.mlflow import Mlflow
from edgeae.tracking.run import of_bundle, of_sweep, of_training

pytestmark = pytest.mark.system

READ = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
(experiment,) = [item for item in client.search_experiments() if item.name == "edgeae"]
print(json.dumps([{
    "name": run.info.run_name, "status": run.info.status, "tags": run.data.tags,
    "params": run.data.params, "metrics": run.data.metrics, "id": run.info.run_id,
    "curve": [[item.step, item.value]
              for item in client.get_metric_history(run.info.run_id, "loss/validation")],
    "files": [item.path for item in client.list_artifacts(run.info.run_id)],
    "duration": run.info.end_time - run.info.start_time,
} for run in client.search_runs([experiment.experiment_id])]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder into which MLflow writes."""
    if importlib.util.find_spec("mlflow") is None:
        pytest.fail("mlflow is missing: pip install 'edgeae[mlflow]'", pytrace=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "mlruns"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "mlruns"


def read(folder: Path) -> dict[str, dict]:
    """Return a run's name → what MLflow says of it."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        check=True,
    )
    return {run["name"]: run for run in json.loads(done.stdout)}


def test_a_sweep_with_a_training_and_a_bundle_is_read_by_mlflow(folder, tmp_path) -> None:
    place = model(tmp_path / "some")
    bundle = tiny.write_bundle(tmp_path / "tiny" / "int8")
    imported = fake_model(tmp_path / "tiny", family="imported")
    (tmp_path / "s.json").write_text("{}")
    below = (of_training(place, open_model(place)), of_bundle(bundle, imported))
    runs = [of_sweep("s", tmp_path / "s.json", {"grid": {"codes": [4]}}, below)]
    assert Mlflow().log(runs) == f"mlflow: 3 runs logged to {folder}, experiment edgeae"
    assert Mlflow().log(runs).endswith("experiment edgeae; already there: 3")
    found = read(folder)
    assert set(found) == {"s", "some", bundle.name}
    assert {run["status"] for run in found.values()} == {"FINISHED"}
    some = found["some"]
    assert some["curve"] == [[n, row["validation_loss"]] for n, row in enumerate(CURVE, 1)]
    assert (some["metrics"]["loss/test"], some["params"]["hidden"]) == (0.375, "9,7")
    assert (some["files"], some["duration"]) == (["train.json"], 2500)
    assert found[bundle.name]["metrics"]["loss"] == bundle.manifest.loss.exported
    assert found[bundle.name]["files"] == ["manifest.json"]
    parents = {run["tags"].get("mlflow.parentRunId") for run in found.values()}
    assert parents == {None, found["s"]["id"]}
    assert found["s"]["params"] == {"grid.codes": "[4]"}


def test_what_mlflow_does_not_take_is_said_in_one_line(folder, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    with pytest.raises(BadInput, match="a folder only with MLFLOW_ALLOW_FILE_STORE=true"):
        Mlflow()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with pytest.raises(RuntimeUnavailable, match="Connection refused") as caught:
        Mlflow()
    assert "secret" not in str(caught.value)
