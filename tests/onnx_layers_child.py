"""Child process of test_onnx_operators.py: answers of translated models, as Keras computes them.

Reads pickled-free `.npz` files of a folder: each `NAME.json` is a job of the import's child with
`rows`; writes the answers as `NAME.npy`. One start of TensorFlow serves all cases.
"""

import json
import sys
from pathlib import Path

import numpy as np

from edgeae.importing.keras.rebuild import _build, _set_weights


def main(folder: Path) -> None:
    for file in sorted(folder.glob("*.json")):
        job = json.loads(file.read_text())
        model = _build(job)
        _set_weights(job, model)
        np.save(file.with_suffix(".npy"), model(np.load(job["rows"]), training=False).numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
