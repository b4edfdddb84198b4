"""What runs in the process of a Dask worker: answers about it, its store, and a task's child.

Dask finds these functions by their names in the edgeae that is installed there; arguments and
answers are texts and bytes. A client's edgeae of another version never calls `run`: it asks
`describe` first.
"""

import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgeae import __version__
from edgeae.errors import BadInput, EdgeaeError, Interrupted, system_error
from edgeae.scheduling import answer
from edgeae.scheduling.reports import reports
from edgeae.scheduling.shared_store import SharedStore
from edgeae.scheduling.store import Lacking, Store
from edgeae.scheduling.task import OUT, filled
from edgeae.system import children
from edgeae.system.scratch import scratch

_STORE = "edgeae-files"
#: States of a task in Dask's worker whose client, or whose scheduler, has taken it back.
_TAKEN_BACK = ("cancelled", "released", "forgotten")


def describe(packages: list[str], dask_worker: Any = None) -> str:
    """Return the worker's name, package → version, and resource → amount, as JSON.

    The version of a package that is not installed is null.
    """
    versions = {name: _version(name) for name in packages}
    resources = dict(dask_worker.state.total_resources)
    return json.dumps({"name": str(dask_worker.name), "versions": versions, "resources": resources})


def _version(name: str) -> str | None:
    if name == "edgeae":
        return __version__  # of a checkout, which may not be installed
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def lacks(hashes: list[str], dask_worker: Any = None) -> list[str]:
    """Return the hashes whose contents the worker's store does not have."""
    return _store(dask_worker).lacks(hashes)


def put(sha256: str, content: bytes, dask_worker: Any = None) -> str:
    """Store a content; return why that failed, or an empty text."""
    try:
        _store(dask_worker).put(sha256, content)
    except OSError as error:
        return str(system_error(error))
    except ValueError as error:
        return str(error)
    return ""


def sees(url: str) -> str:
    """Return why this machine does not see the client's shared store, or an empty text."""
    try:
        there = SharedStore(url).is_written()
    except EdgeaeError as error:
        return str(error)
    return "" if there else f"--store {url}: what the client wrote there is not there"


def run(order: str) -> bytes:
    """Run a task's child in a folder of its own, and return what `answer` packs.

    Args:
        order: JSON: `module`, `job`, `variables` and `timeout_s` as in a `Task`; `reads`, name →
            `folder`, the client's path, and `files`, path → SHA-256; `topic`, under which Dask
            carries what the child is doing, and `task`, which names the task there; and `store`,
            the URL of a shared store, or null.

    Raises:
        Interrupted: the client has taken the task back; its child is ended.
    """
    from distributed import get_worker

    worker, asked = get_worker(), json.loads(order)
    key = worker.get_current_task()

    def wanted() -> bool:
        state = worker.state.tasks.get(key)
        return state is not None and state.state not in _TAKEN_BACK

    def say(doing: str) -> None:
        worker.log_event(asked["topic"], {"task": asked["task"], "doing": doing})

    try:
        shared = SharedStore(asked["store"]) if asked["store"] else None
        return _answered(asked, _store(worker, shared), say, wanted)
    except EdgeaeError as error:
        return answer.pack_error(error)
    except OSError as error:
        told = BadInput(f"worker {worker.name}: {system_error(error)}")
        return answer.pack_error(told)


def _answered(asked: dict[str, Any], store: Store, say: Any, wanted: Any) -> bytes:
    with scratch() as root:
        places = {
            name: _inside(root, name, item["folder"]) for name, item in asked["reads"].items()
        }
        out = root / OUT
        try:
            out.mkdir()
            store.copy(
                {
                    places[name] / path: sha256
                    for name, item in asked["reads"].items()
                    for path, sha256 in item["files"].items()
                }
            )
            texts = {name: str(place) for name, place in {**places, OUT: out}.items()}
            reported = reports(
                asked["module"],
                filled(asked["job"], texts),
                say,
                asked["timeout_s"],
                variables=filled(asked["variables"], texts),
                wanted=wanted,
            )
            return answer.pack(reported, out)
        except Lacking as missing:
            return answer.pack_lacking(missing.hashes)
        except Interrupted:
            raise
        except EdgeaeError as error:
            return answer.pack_error(_as_of_client(error, asked["reads"], places))


def _inside(root: Path, name: str, folder: str) -> Path:
    place = root / "in" / name / Path(folder).name
    place.mkdir(parents=True)
    return place


def _as_of_client(
    error: EdgeaeError, reads: dict[str, dict[str, Any]], places: dict[str, Path]
) -> EdgeaeError:
    """Return an error whose texts name the client's folders instead of the worker's."""
    texts: Iterable[str] = (str(argument) for argument in error.args)
    for name, place in places.items():
        texts = [text.replace(str(place), reads[name]["folder"]) for text in texts]
    return children.rebuilt({"raised": type(error).__name__, "arguments": list(texts)})


def _store(worker: Any, shared: SharedStore | None = None) -> Store:
    return Store(Path(worker.local_directory) / _STORE, shared)
