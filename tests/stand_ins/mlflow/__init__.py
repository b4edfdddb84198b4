"""A stand-in for MLflow's client: its store is a file of JSON, or it does not answer.

`FAKE_MLFLOW` is a JSON object: `calls`, after which the server is gone; `refuses`, a name of a
method that it refuses.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException


class MlflowClient:
    def __init__(self, tracking_uri: str) -> None:
        self._path = Path(tracking_uri)
        self._said = json.loads(os.environ.get("FAKE_MLFLOW", "{}"))
        self._calls = 0
        self._store = {"experiments": {}, "runs": []}
        if self._path.exists():
            self._store = json.loads(self._path.read_text())

    def _answer(self, name: str) -> None:
        self._calls += 1
        self._path.write_text(json.dumps(self._store))
        if self._calls > self._said.get("calls", 1000):
            raise MlflowException(
                "API request to http://me:secret@10.0.0.9/api failed with exception Pool(): Max "
                "retries (Caused by NewConnectionError('h: [Errno 111] Connection refused'))",
                "INTERNAL_ERROR",
            )
        if self._said.get("refuses") == name:
            raise MlflowException("PERMISSION_DENIED: not yours", "PERMISSION_DENIED")

    def get_experiment_by_name(self, name: str) -> SimpleNamespace | None:
        self._answer("get_experiment_by_name")
        if name not in self._store["experiments"]:
            return None
        return SimpleNamespace(name=name, experiment_id=self._store["experiments"][name])

    def create_experiment(self, name: str) -> str:
        self._answer("create_experiment")
        return self._store["experiments"].setdefault(name, f"experiment {name}")

    def search_runs(self, experiments: list[str], text: str, view: int, most: int) -> list[object]:
        self._answer("search_runs")
        assert (view, most) == (1, 1)
        wanted = dict(part.replace("'", "").split(" = ") for part in text.split(" and "))
        status = wanted.pop("attributes.status")
        tags = {key.removeprefix("tags.").strip("`"): value for key, value in wanted.items()}
        return [
            run
            for run in self._store["runs"]
            if run["experiment"] in experiments
            and run["status"] == status
            and tags.items() <= run["tags"].items()
        ][:most]

    def create_run(self, experiment: str, start_time: int, tags: dict[str, str]) -> SimpleNamespace:
        self._answer("create_run")
        number = f"run {len(self._store['runs'])}"
        self._store["runs"].append(
            {
                **{"id": number, "experiment": experiment, "status": "RUNNING", "tags": tags},
                **{"start": start_time, "end": None, "params": {}, "metrics": [], "files": {}},
            }
        )
        return SimpleNamespace(info=SimpleNamespace(run_id=number))

    def _run(self, number: str) -> dict:
        return next(run for run in self._store["runs"] if run["id"] == number)

    def log_batch(
        self,
        number: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        self._answer("log_batch")
        assert len(metrics) <= 1000 and len(params) <= 100 and len(tags) <= 100
        run = self._run(number)
        run["metrics"] += [[item.key, item.value, item.timestamp, item.step] for item in metrics]
        run["params"] |= {item.key: item.value for item in params}
        run["tags"] |= {item.key: item.value for item in tags}

    def log_artifact(self, number: str, path: str) -> None:
        self._answer("log_artifact")
        self._run(number)["files"][Path(path).name] = Path(path).read_text()

    def set_terminated(self, number: str, status: str, end: int | None = None) -> None:
        self._answer("set_terminated")
        self._run(number).update(status=status, end=end)
        self._path.write_text(json.dumps(self._store))
