"""MLflow: logs runs to the server, or the folder, that MLFLOW_TRACKING_URI names.

MLflow's client runs in a child process: it brings a web framework, prints, starts threads, and may
hang. It logs what is on disk already, so that what it cannot log is not lost.
"""

import importlib.util
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from edgeae.errors import BadInput
from edgeae.system import children
from edgeae.system.extras import lacking
from edgeae.tracking.run import Run

URI = "MLFLOW_TRACKING_URI"
#: The module that a child process runs.
CHILD = "edgeae.tracking.mlflow_child"
#: MLflow retries for minutes by default. Nobody's trainings wait so long for a wrong address.
_CHECK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_LOG = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
#: What MLflow does unless it is told otherwise, and nobody asked edgeae for: it reports its use.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_CHECK_S, _LOG_S, _RUN_S = 120.0, 600.0, 60.0


class Mlflow:
    """A server, or store, of MLflow that answers.

    Raises:
        BadInput: MLFLOW_TRACKING_URI is not set, or names what MLflow cannot log to.
        RuntimeUnavailable: MLflow is not installed, or no server answers.
        RuntimeCrashed: the client crashed or hung.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise lacking("--mlflow: MLflow is not installed", "mlflow")
        self._uri = os.environ.get(URI, "")
        if not self._uri:
            raise BadInput(
                f"--mlflow: {URI} is not set; it is the address of an MLflow server, as "
                "http://127.0.0.1:5000"
            )
        _ask(self._job([]), _CHECK, _CHECK_S)

    def log(self, runs: Sequence[Run]) -> str:
        """Log the runs that are not there yet, and return in one line what was done.

        Raises:
            BadInput: the server refuses a run.
            RuntimeUnavailable: the server does not answer any more.
            RuntimeCrashed: the client crashed or hung.
        """
        total = sum(1 for _ in _all(runs))
        limit = _LOG_S + _RUN_S * total
        (answer,) = _ask(self._job([_plain(run) for run in runs]), _LOG, limit)
        logged = answer["logged"]
        count = "1 run" if logged == 1 else f"{logged} runs"
        there = f"; already there: {total - logged}" if logged < total else ""
        return f"mlflow: {count} logged to {_shown(self._uri)}, {answer['experiment']}{there}"

    def _job(self, runs: list[dict[str, Any]]) -> dict[str, Any]:
        return {"uri": self._uri, "shown": f"{URI} {_shown(self._uri)}", "runs": runs}


def _ask(job: dict[str, Any], limits: dict[str, str], timeout_s: float) -> list[dict[str, Any]]:
    defaults = {**_QUIET, **limits}
    env = {key: value for key, value in defaults.items() if key not in os.environ}
    return children.run(CHILD, job, timeout_s=timeout_s, env=env)


def _plain(run: Run) -> dict[str, Any]:
    """Return a run as JSON types."""
    files = [str(path) for path in run.files]
    return {**asdict(run), "files": files, "children": [_plain(child) for child in run.children]}


def _all(runs: Sequence[Run]) -> Iterator[Run]:
    for run in runs:
        yield run
        yield from _all(run.children)


def _shown(uri: str) -> str:
    """Return an address without its password."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
