"""The request and the result of `edgeae import`.

Each importer is a function `(request, say) -> Imported`. `run` calls it while it holds the lock of
the model's folder. The importer writes `train.json` last; `record.training` makes its content.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeae import data as datasets
from edgeae.artifacts.model import Training
from edgeae.data import AS_STORED, Dataset, Normalization, Reading
from edgeae.importing.bottleneck import Choice
from edgeae.reading import files


@dataclass(frozen=True)
class Request:
    """One import.

    Attributes:
        paths: one file or folder, or two files, the encoder and the decoder.
        data: value of `--data`: a path or the name of a dataset.
        train_data: value of `--train-data`; None leaves only representative rows.
        normalization: real = stored × scale + offset; None uses the default of the data.
        code_layer: value of `--code-layer`; None searches for the bottleneck.
        output: value of `--output`: which of several outputs a Keras model has; None if it has one.
        name: name of the model.
        build: folder of models.
        allow_worse_than_mean: whether to import a model that does worse than the mean of its data.
        reading: how the rows of the data become the model's rows.
        as_is: whether `.tflite` and `.onnx` files become a bundle as is only, without an original.
    """

    paths: tuple[Path, ...]
    data: str
    train_data: str | None
    normalization: Normalization | None
    code_layer: str | None
    name: str
    build: Path
    allow_worse_than_mean: bool = False
    output: str | None = None
    reading: Reading = AS_STORED
    as_is: bool = False

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return self.build / self.name

    def dataset(self) -> Dataset:
        """Return the loaded data.

        Raises:
            BadInput: the data is missing or not valid.
        """
        return datasets.load(
            self.data,
            normalization=self.normalization,
            train=self.train_data,
            reading=self.reading,
        )

    def asked(self) -> dict[str, Any]:
        """Return everything that the imported model depends on, as JSON types.

        Raises:
            OSError: a path cannot be read.
        """
        train = self.train_data
        return {
            "source": [str(path.absolute()) for path in self.paths],
            "source_sha256": [_sha256(path) for path in self.paths],
            "code_layer": self.code_layer,
            "output": self.output,
            "data": datasets.absolute(self.data),
            "train_data": None if train is None else datasets.absolute(train),
            "normalization": None if self.normalization is None else self.normalization.to_json(),
            "only_as_is": self.as_is or None,  # imports before this key had none
        }


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        training: content of the model's `train.json`.
        choice: the code and its alternatives; None if no graph was cut.
    """

    training: Training
    choice: Choice | None = None


def _sha256(path: Path) -> str:
    """Return the hash of a file with what belongs to it, or of a folder's files and their names."""
    if path.is_file():
        return _file_sha256(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path)} {files.sha256(file)}\n".encode())
    return digest.hexdigest()


def _file_sha256(path: Path) -> str:
    if path.suffix != ".onnx":
        return files.sha256(path)
    try:
        from edgeae.importing.onnx import external
    except ModuleNotFoundError:  # an import of the file says which package is missing
        return files.sha256(path)
    return external.sha256(path)
