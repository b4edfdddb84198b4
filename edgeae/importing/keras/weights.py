"""Work of a child process: takes weights and outputs from a Keras file that was checked before.

The code is the same for Keras 2 and 3; the calling module chooses which of them opens the file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput, naming

#: Name of the array of the original's outputs, which is stored with the weights.
OUTPUTS = "outputs"


def key(layer: int, weight: int) -> str:
    """Return the array name of a weight, from the numbers of its layer and of the weight."""
    return f"{layer}.{weight}"


def take(load: Callable[..., Any], job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write the weights of `job["layers"]` and the outputs for `job["rows"]` as one `.npz`.

    Args:
        load: Keras's `load_model`.
        job: `file` to open, and `source`, its name for errors; `layers`, each with the `path` of
            names that leads to it (empty for a layer without weights); `rows`, an `.npy`;
            `weights`, the `.npz`.

    Yields:
        `{weights}`, the number of weights.

    Raises:
        BadInput: Keras cannot open the file, or cannot run the model on the rows.
    """
    rows = np.load(job["rows"], allow_pickle=False)
    try:
        model = load(job["file"], compile=False, safe_mode=True)
        arrays: dict[str, Any] = dict(_weights(model, [item["path"] for item in job["layers"]]))
        arrays[OUTPUTS] = _answers(model, rows)
    except Exception as error:  # Keras raises a dozen classes on files it cannot read
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BadInput(f"{job['source']}: Keras cannot load and run it: {reason}") from None
    with naming(job["weights"]):
        np.savez(Path(job["weights"]), **arrays)
    yield {"weights": len(arrays) - 1}


def _weights(model: Any, paths: list[list[str]]) -> Iterator[tuple[str, NDArray[Any]]]:
    for number, path in enumerate(paths):
        layer = model
        for name in path:
            layer = layer.get_layer(name)
        for weight, values in enumerate(layer.get_weights() if path else ()):
            yield key(number, weight), np.asarray(values)


def _answers(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    answers = model(rows, training=False)
    while isinstance(answers, dict | list | tuple):  # a container of one output
        (answers,) = answers.values() if isinstance(answers, dict) else answers
    return np.asarray(answers)
