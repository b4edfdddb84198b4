"""What `edgeae import` was asked for, and what came of it.

Each importer is a function `(request, say) -> Imported`. The stage calls it while the model's
folder is held, and it writes `train.json` last, as `record.training` makes it.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae import data as datasets
from edgeae.artifacts.model import Training
from edgeae.data import Dataset, Normalization
from edgeae.importing.bottleneck import Choice
from edgeae.reading import files


@dataclass(frozen=True)
class Request:
    """One import.

    Attributes:
        paths: what to import: one file or folder, or two files, the encoder and the decoder.
        data: what `--data` was given: a path or the name of a dataset.
        train_data: what `--train-data` was given; None leaves representative rows alone.
        normalization: real = stored × scale + offset; None takes what the data suggests.
        code_layer: what `--code-layer` was given; None looks for the bottleneck.
        name: of the model.
        build: folder of models.
        allow_worse_than_mean: whether to take a model that does worse than the mean of its data.
    """

    paths: tuple[Path, ...]
    data: str
    train_data: str | None
    normalization: Normalization | None
    code_layer: str | None
    name: str
    build: Path
    allow_worse_than_mean: bool = False

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return self.build / self.name

    def dataset(self) -> Dataset:
        """Load the data.

        Raises:
            BadInput: it is not to be had, or its content is not as it should be.
        """
        return datasets.load(self.data, normalization=self.normalization, train=self.train_data)

    def asked(self) -> dict[str, Any]:
        """Return everything that the imported model depends on; JSON.

        Raises:
            OSError: a path cannot be read.
        """
        train = self.train_data
        return {
            "source": [str(path.absolute()) for path in self.paths],
            "source_sha256": [_sha256(path) for path in self.paths],
            "code_layer": self.code_layer,
            "data": datasets.absolute(self.data),
            "train_data": None if train is None else datasets.absolute(train),
            "normalization": None if self.normalization is None else asdict(self.normalization),
        }


@dataclass(frozen=True)
class Imported:
    """What came of an import.

    Attributes:
        training: the model's `train.json`.
        choice: the code and its alternatives; None where no graph was cut.
    """

    training: Training
    choice: Choice | None = None


def _sha256(path: Path) -> str:
    """Hash a file, or a folder's files with their names."""
    if path.is_file():
        return files.sha256(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path)} {files.sha256(file)}\n".encode())
    return digest.hexdigest()
