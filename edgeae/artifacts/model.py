"""A model's folder, `build/<model>/`: the original and `train.json`.

The original is `model.keras`, a flat Keras 2 model, or, of an imported SavedModel, `model.pb`, a
frozen graph. A model that came as bare `.tflite` or `.onnx` files has none: they are its bundle.

Read without TensorFlow: what needs the layers themselves is in `keras_parts.py`.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import EDGES, gzip_size
from edgeae.artifacts.manifest import Artifact, TensorSpec
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, system_error, unknown
from edgeae.metrics.loss import is_worse
from edgeae.reading import files
from edgeae.reading.names import check_name
from edgeae.reading.parsing import read_json
from edgeae.reading.typed_json import rebuild

TRAIN = "train.json"
KERAS = "model.keras"
#: A few test images with their reconstructions, for the report: `image` and `reconstruction`.
SHEET = "sheet.npz"
#: Form of an original → its file.
ORIGINALS = {"keras": KERAS, "graph": "model.pb"}
#: The form of a model whose original is not at hand.
AS_IS = "as-is"
#: The family of models that edgeae did not train.
IMPORTED = "imported"
#: What every `train.json` says of its dataset and its normalization.
_DATASET, _NORMALIZATION = ("name", "sha256", "data"), ("scale", "offset")
#: What the `train.json` of an import says of it.
_IMPORT: dict[str, Any] = {
    "source": list[str],
    "data": str,
    "train_data": str | None,
    "normalization": dict[str, float] | None,
    "code_layer": str | None,
    "choice": dict[str, Any] | None,
}
#: Losses are computed in float32.
_LARGEST = 3.4028235e38


@dataclass(frozen=True)
class Training:
    """`train.json`: how a model came to be, and which model it is.

    Attributes:
        model: its name, the folder's.
        form: a key of `ORIGINALS`, or `AS_IS`.
        family: `simple`, `deep`, …, or `IMPORTED`.
        description: the architecture in one line.
        configuration: every setting of the training, or of the import.
        dataset: `name`, `sha256`, `data` (what `--data` was given, a path made absolute), the
            sizes of the split, where `train` is 0 if there are representative rows alone, and
            `mean_loss`, the MSE of answering each test row with the mean of them all; trainings by
            older versions lack the last.
        normalization: `scale` and `offset`: real = stored × scale + offset.
        bounds: the least and largest real value that an input can have, if that is known: an
            8-bit pixel then becomes int8 by subtracting 128.
        input_shape: of one image, as the model takes it.
        code_shape: of one code.
        code_layer: the layer whose output is the code; of a graph, the tensor; as is, empty.
        parameters: number of weights.
        weights_sha256: the model's identity.
        file_sha256: of the original's file as written, to notice that it was replaced; or empty.
        curve: per epoch `loss`, each of its terms, and `validation_loss`, MSE.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        interrupted: whether Ctrl-C ended the training before its last epoch.
        losses: MSE on `validation` and `test`.
        yardsticks: `model`, `pca` and `mean` → figures on the test images; see
            `training/yardsticks.py`.
        seconds: training time; the only figure that differs between two equal trainings.
        tools: package → version.
    """

    model: str
    form: str
    family: str
    description: str
    configuration: dict[str, Any]
    dataset: dict[str, Any]
    normalization: dict[str, float]
    bounds: tuple[float, float] | None
    input_shape: tuple[int, ...]
    code_shape: tuple[int, ...]
    code_layer: str
    parameters: int
    weights_sha256: str
    file_sha256: str
    curve: list[dict[str, float]]
    best_epoch: int
    interrupted: bool
    losses: dict[str, float]
    yardsticks: dict[str, dict[str, float | None]]
    seconds: float
    tools: dict[str, str]

    def __post_init__(self) -> None:
        check_name("model", self.model)
        if self.form not in (*ORIGINALS, AS_IS):
            allowed = ", ".join((*ORIGINALS, AS_IS))
            raise BadInput(f"form = {self.form!r:.40}: allowed are {allowed}")
        for key in _DATASET:
            rebuild(str, self.dataset.get(key), f"dataset.{key}")
        for key in _NORMALIZATION:
            rebuild(float, self.normalization.get(key), f"normalization.{key}")
        rebuild(str | None, self.train_data, "configuration.train_data")
        if self.family == IMPORTED:
            for key in _IMPORT.keys() & self.configuration.keys():
                rebuild(_IMPORT[key], self.configuration[key], f"configuration.{key}")
        for place, epoch in enumerate(self.curve):
            for key, value in epoch.items():
                if abs(value) > _LARGEST:
                    told = f"curve[{place}].{key} = {value:g}"
                    raise BadInput(f"{told}: allowed are float32's values")

    @property
    def code_size(self) -> int:
        """Values of the code."""
        return math.prod(self.code_shape)

    @property
    def worse_than_mean(self) -> bool:
        """Whether it does worse than the mean of the test rows; false where that is not known."""
        return is_worse(self.losses.get("test", 0.0), self.dataset.get("mean_loss", 0.0))

    @property
    def file(self) -> str | None:
        """The original's file, or None where there is none."""
        return ORIGINALS.get(self.form)

    @property
    def data(self) -> str:
        """What `data.load` takes to find the same images: a path stays one, whatever its stem."""
        said = str(self.dataset["data"])
        return str(self.dataset["name"]) if said == "auto" else said

    @property
    def train_data(self) -> str | None:
        """The file of training rows of a model that was imported with rows alone."""
        said: str | None = self.configuration.get("train_data")
        return said

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"

    def original(self, folder: Path, part: str) -> Artifact:
        """Describe a part of the original as an artifact, so that a runtime can open it.

        Raises:
            NotMeasured: there is no original.
        """
        if self.file is None:
            raise NotMeasured(f"{folder}: imported as is, without an original")
        content = files.read(folder / self.file)
        shapes: dict[str, tuple[int | str, ...]] = {
            "image": ("batch", *self.input_shape),
            "code": ("batch", *self.code_shape),
            "reconstruction": ("batch", *self.input_shape),
        }
        source, target = EDGES[part]
        return Artifact(
            part=part,
            format=self.form,
            flavour="float32",
            path=self.file,
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
        ManifestMismatch: the original is not the file that was trained.
    """
    file = folder / TRAIN
    try:
        table = read_json(file)
    except FileNotFoundError:
        raise BadInput(
            f"{folder}: no trained model (no {TRAIN}); `edgeae train` makes one"
        ) from None
    except OSError as error:
        raise system_error(error) from None
    try:
        training: Training = rebuild(Training, table)
    except BadInput as error:
        raise BadInput(f"{file}: damaged: {error}") from None
    _check_name(folder, training.model)
    if training.file is None:
        return training
    original = folder / training.file
    if not original.exists():
        raise BadInput(f"{original}: missing; {_remedy(training)}")
    if files.sha256(original) != training.file_sha256:
        raise ManifestMismatch(
            f"{original}: not the file that {file} describes; {_again(training)}"
        )
    return training


def _remedy(training: Training) -> str:
    return f"`edgeae {'import' if training.family == IMPORTED else 'train'}` makes it"


def _again(training: Training) -> str:
    return f"{'import' if training.family == IMPORTED else 'train'} again"


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
