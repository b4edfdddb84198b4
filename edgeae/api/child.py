"""Child process: encodes, decodes or scores rows for a command, which a crash does not reach."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.api.bundle import Bundle
from edgeae.api.opening import open as open_bundle
from edgeae.artifacts.bundle import npy_bytes
from edgeae.system import children
from edgeae.system.scratch import write_scratch

#: What a command asks for → the method that answers.
METHODS: dict[str, Callable[..., NDArray[Any]]] = {
    "encode": Bundle.encode,
    "decode": Bundle.decode,
    "score": Bundle.score,
}


def run(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Call `job["method"]` of the bundle in `job["bundle"]` with `job["settings"]`.

    `job["rows"]` and `job["answers"]` are paths of `.npy` files.

    Yields:
        `{}`, once the answers are written.
    """
    with open_bundle(job["bundle"]) as bundle:
        rows = np.load(job["rows"])
        answers = METHODS[job["method"]](bundle, rows, **job["settings"])
    write_scratch(Path(job["answers"]), npy_bytes(answers))
    yield {}


if __name__ == "__main__":
    children.serve(run)
