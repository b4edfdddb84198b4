"""Child process: trains one model into an empty folder, for a machine that publishes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae import data as datasets
from edgeae.data import Reading
from edgeae.families.settings import Settings
from edgeae.reading import typed
from edgeae.system import children
from edgeae.text.progress import tell
from edgeae.training.train import train


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train `job["model"]` into the folder of that name in `job["out"]`.

    `job["settings"]` are those of the training, `job["data"]` and `job["reading"]` say where this
    machine has the rows and how they are read, and `job["recorded"]` what the record calls them.

    Yields:
        nothing: what is printed to standard error says what it is doing.

    Raises:
        BadInput: see `train.train`.
    """
    settings = typed.build(Settings, job["settings"])
    dataset = datasets.load(job["data"], download=False, reading=Reading.of(job["reading"]))
    datasets.require_trainable(dataset)
    for line in datasets.remarks(dataset):
        tell(line)
    folder = Path(job["out"]) / job["model"]
    folder.mkdir()
    train(folder, settings, dataset, job["recorded"])
    yield from ()


if __name__ == "__main__":
    children.serve(work, told=True)
