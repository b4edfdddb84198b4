"""A trained model's folder, `build/<model>/`: `model.keras` and `train.json`.

Read without Keras: what needs the layers themselves is in `keras_parts.py`.
"""

import dataclasses
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.bundle import EDGES, Artifact, TensorSpec, gzip_size
from edgeae.errors import BadInput, ManifestMismatch, unknown

__all__ = ["TRAIN", "Training", "find_model", "open_model"]

TRAIN = "train.json"
KERAS = "model.keras"


@dataclass(frozen=True)
class Training:
    """`train.json`: how a model came to be, and which model it is.

    Attributes:
        model: its name, the folder's.
        family: `simple`, `deep`, …
        description: the architecture in one line.
        configuration: every setting of the training.
        dataset: `name`, `sha256`, `data` (what `--data` was given, a path made absolute) and the
            sizes of the split.
        input_shape: of one image, as the model takes it.
        code_size: values of the code.
        code_layer: the layer whose output is the code.
        parameters: number of weights.
        weights_sha256: the model's identity.
        keras_sha256: of the file `model.keras` as written, to notice that it was replaced.
        curve: per epoch `loss` and `validation_loss`, MSE.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        losses: MSE on `validation` and `test`.
        seconds: training time; the only figure that differs between two equal trainings.
        tools: package → version.
    """

    model: str
    family: str
    description: str
    configuration: dict[str, Any]
    dataset: dict[str, Any]
    input_shape: tuple[int, ...]
    code_size: int
    code_layer: str
    parameters: int
    weights_sha256: str
    keras_sha256: str
    curve: list[dict[str, float]]
    best_epoch: int
    losses: dict[str, float]
    seconds: float
    tools: dict[str, str]

    @property
    def data(self) -> str:
        """What `data.load` takes to find the same images: a path stays one, whatever its stem."""
        said = str(self.dataset["data"])
        return str(self.dataset["name"]) if said == "auto" else said

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"

    def original(self, folder: Path, part: str) -> Artifact:
        """Describe a part of `model.keras` as an artifact, so that a runtime can open it."""
        path = folder / KERAS
        content = path.read_bytes()
        shapes: dict[str, tuple[int | str, ...]] = {
            "image": ("batch", *self.input_shape),
            "code": ("batch", self.code_size),
            "reconstruction": ("batch", *self.input_shape),
        }
        source, target = EDGES[part]
        return Artifact(
            part=part,
            format="keras",
            flavour="float32",
            path=KERAS,
            # a .keras file's own hash changes with the time it was written
            sha256=self.weights_sha256,
            bytes=len(content),
            gzip_bytes=gzip_size(content),
            inputs=(TensorSpec(source, shapes[source], "float32"),),
            outputs=(TensorSpec(target, shapes[target], "float32"),),
            ops=(),
            minimum_runtime="",
            macs=0,
            sparsity={},
        )


def open_model(folder: Path) -> Training:
    """Read the model in a folder.

    Raises:
        BadInput: there is none, `train.json` is damaged, or the folder has another model's name.
        ManifestMismatch: `model.keras` is not the file that was trained.
    """
    file = folder / TRAIN
    try:
        table = json.loads(file.read_text())
        known = {item.name for item in dataclasses.fields(Training)}
        if table.keys() != known:
            raise ValueError(f"keys {sorted(table.keys() ^ known)} are missing or unknown")
        training = Training(**{**table, "input_shape": tuple(table["input_shape"])})
    except FileNotFoundError:
        raise BadInput(
            f"{folder}: no trained model (no {TRAIN}); `edgeae train` makes one"
        ) from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{file}: damaged: {error}") from None
    _check_name(folder, training.model)
    keras_file = folder / KERAS
    if not keras_file.exists():
        raise BadInput(f"{keras_file}: missing; `edgeae train` makes it")
    if hashlib.sha256(keras_file.read_bytes()).hexdigest() != training.keras_sha256:
        raise ManifestMismatch(f"{keras_file}: not the file that {file} describes; train again")
    return training


def _check_name(folder: Path, model: str) -> None:
    # through a link, either name will do
    names = (folder.absolute().name, folder.resolve().name)
    if model not in names:
        raise BadInput(
            f"{folder}: a folder called {names[0]!r} with the model {model!r}; rename it back, "
            f"or train again with --name {names[0]}"
        )


def find_model(build: Path, name: str) -> Path:
    """Return the folder of a model, given its name below `build` or the folder's path.

    Raises:
        BadInput: there is no such model; says which there are.
    """
    for folder in (build / name, Path(name)):
        if (folder / TRAIN).exists():
            return folder
    raise unknown("model", name, [path.parent.name for path in build.glob(f"*/{TRAIN}")])
