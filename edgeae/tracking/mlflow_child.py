"""Child process: checks that MLflow answers, and logs runs; see `edgeae.tracking.mlflow`."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from edgeae.errors import BadInput, EdgeaeError, RuntimeUnavailable
from edgeae.system import children
from edgeae.tracking.run import IDENTITY

#: The experiment, unless MLFLOW_EXPERIMENT_ID or MLFLOW_EXPERIMENT_NAME names another.
_EXPERIMENT = "edgeae"
#: MLflow takes so many values at once, and so long a parameter or tag: what is longer is cut off
#: there, and stands whole in the run's file.
_METRICS, _PARAMS, _TAGS = 1000, 100, 100
_LONGEST = 5000
#: MLflow's own tags: what the page shows as the name, and which run a run is shown below.
_NAME, _PARENT, _SOURCE = "mlflow.runName", "mlflow.parentRunId", "mlflow.source.name"
#: The error, and the words of its message, if nothing, or a server in trouble, answers.
_NO_ANSWER, _REQUEST = "INTERNAL_ERROR", "API request"
#: The variable without which MLflow writes into no folder.
_FOLDERS = "MLFLOW_ALLOW_FILE_STORE"
#: The name and the password in an address.
_PASSWORD = re.compile(r"//[^/@\s]*@")


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Log the runs of a job that are not there yet; without runs, only ask for the experiment.

    Args:
        job: `uri`, the address; `shown`, how errors name it; `runs`, each as in
            `edgeae.tracking.run.Run`.

    Yields:
        `logged`, the number of runs, and `experiment`.
    """
    with _errors(job["shown"]):
        log = _Log(MlflowClient(tracking_uri=job["uri"]), make=bool(job["runs"]))
        logged = sum(log.add(run) for run in job["runs"])
    yield {"logged": logged, "experiment": log.title}


class _Log:
    """The experiment in which runs are logged."""

    def __init__(self, client: MlflowClient, *, make: bool) -> None:
        self._client = client
        number = os.environ.get("MLFLOW_EXPERIMENT_ID")
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        found = client.get_experiment(number) if number else client.get_experiment_by_name(name)
        self.title = f"experiment {found.name if found else name}"
        self._experiment = found.experiment_id if found else ""
        if not found and make:
            self._experiment = client.create_experiment(name)

    def add(self, run: dict[str, Any], parent: str = "") -> int:
        """Log a run and those below it, unless it is there; return the number of new runs."""
        if self._has(run["identity"], parent):
            return 0
        ended = round(1000 * run["ended"])
        tags = {
            _NAME: run["name"],
            _SOURCE: "edgeae",
            IDENTITY: run["identity"],
            **({_PARENT: parent} if parent else {}),
        }
        made = self._client.create_run(
            self._experiment, start_time=ended - round(1000 * run["seconds"]), tags=tags
        )
        number = made.info.run_id
        try:
            self._fill(number, run, ended)
            below = sum(self.add(child, number) for child in run["children"])
        except MlflowException:
            self._fail(number)
            raise
        # last: a run that is cut off is not taken for one that is there
        self._client.set_terminated(number, "FINISHED", ended)
        return 1 + below

    def _has(self, identity: str, parent: str) -> bool:
        asked = [f"tags.`{IDENTITY}` = '{identity}'", "attributes.status = 'FINISHED'"]
        if parent:
            asked.append(f"tags.`{_PARENT}` = '{parent}'")
        return bool(self._client.search_runs([self._experiment], " and ".join(asked), 1, 1))

    def _fill(self, number: str, run: dict[str, Any], ended: int) -> None:
        params = (Param(key, value[:_LONGEST]) for key, value in run["params"].items())
        tags = (RunTag(key, value[:_LONGEST]) for key, value in run["tags"].items())
        metrics = (
            Metric(key, value, ended, int(step))
            for key, steps in run["metrics"].items()
            for step, value in steps.items()
        )
        while some := list(islice(params, _PARAMS)):
            self._client.log_batch(number, params=some)
        while some := list(islice(tags, _TAGS)):
            self._client.log_batch(number, tags=some)
        while some := list(islice(metrics, _METRICS)):
            self._client.log_batch(number, metrics=some)
        for path in run["files"]:
            self._client.log_artifact(number, path)

    def _fail(self, number: str) -> None:
        try:
            self._client.set_terminated(number, "FAILED")
        except MlflowException:
            return  # the first error says why nothing is taken


@contextmanager
def _errors(shown: str) -> Iterator[None]:
    """Turn MLflow's errors into edgeae's."""
    try:
        yield
    except MlflowException as error:
        raise _error(shown, error.error_code, str(error)) from None
    except OSError as error:
        place = f" ({Path(error.filename).name})" if error.filename else ""
        raise BadInput(f"{shown}: {error.strerror or error}{place}") from None


def _error(shown: str, code: str, message: str) -> EdgeaeError:
    line = _PASSWORD.sub("//", " ".join(message.split())).partition(" Response body:")[0]
    if code == _NO_ANSWER and _REQUEST in line:
        cause = line.rpartition("Caused by ")[2][:200]
        system = re.search(r"\[Errno -?\d+\] ([^'\")]*)", cause)
        return RuntimeUnavailable(
            f"{shown}: no MLflow server answers ({system[1] if system else cause})",
            "`mlflow server` starts one",
        )
    if _FOLDERS in line:
        return BadInput(f"{shown}: MLflow takes a folder only with {_FOLDERS}=true")
    return BadInput(f"{shown}: MLflow refuses: {line[:300]}")


if __name__ == "__main__":
    children.serve(work)
