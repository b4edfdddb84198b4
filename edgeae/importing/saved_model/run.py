"""Imports a SavedModel: a child process checks and freezes it; this module records the result."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeae.artifacts.model import ORIGINALS
from edgeae.data import Dataset, remarks
from edgeae.importing.bottleneck import Choice
from edgeae.importing.publish import publish, require_worth
from edgeae.importing.record import Subject
from edgeae.importing.request import Imported, Request
from edgeae.importing.rows import save_images
from edgeae.reading import typed
from edgeae.system import atomic, children
from edgeae.system.extras import versions
from edgeae.system.scratch import scratch

_FORM = "graph"
_TIMEOUT_S = 600.0
_TOOLS = ("tensorflow", "tf-keras")


def import_saved_model(request: Request, say: Callable[[str], None]) -> Imported:
    """Write `model.pb` and `train.json` of a SavedModel folder.

    Args:
        request: one path; the caller holds the lock of the model's folder.
        say: receives progress messages of one line.

    Raises:
        BadInput: the SavedModel, one of its operators, or the data is not supported; or the model
            does worse than the mean of the data.
        RuntimeUnavailable: TensorFlow is not installed.
        RuntimeCrashed: TensorFlow crashed on the file.
    """
    started = time.monotonic()
    tools = versions(_TOOLS)
    dataset = request.dataset()
    for line in (*remarks(dataset), f"{request.paths[0]}: a SavedModel"):
        say(line)
    with scratch() as folder:
        frozen = _frozen(request, dataset, folder)
        content = (folder / ORIGINALS[_FORM]).read_bytes()
    require_worth(request, dataset, frozen["losses"])
    choice = typed.build(Choice, frozen["choice"])
    subject = Subject(
        kind="saved model",
        form=_FORM,
        choice=choice,
        description=frozen["description"],
        input_shape=tuple(frozen["input_shape"]),
        code_shape=tuple(frozen["code_shape"]),
        code_layer=choice.name,
        parameters=frozen["parameters"],
        weights_sha256=frozen["weights_sha256"],
        file_sha256=atomic.sha256(content),
        losses=frozen["losses"],
        seconds=round(time.monotonic() - started, 2),
        tools=tools,
    )
    return publish(request, dataset, subject, content)


def _frozen(request: Request, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Run the child process, which writes the frozen graph to `folder`; return its report."""
    rows = dataset.test.shape[1:]
    images = save_images(dataset, rows, folder)
    job = {
        "source": str(request.paths[0]),
        "code_layer": request.code_layer,
        "dataset": dataset.name,
        "images": images,
        "out": str(folder / ORIGINALS[_FORM]),
    }
    (report,) = children.run("edgeae.importing.saved_model.freezing", job, timeout_s=_TIMEOUT_S)
    # fails if the channels are on another axis
    dataset.images("test", tuple(report["input_shape"]))
    return report
