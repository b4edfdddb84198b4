"""A model's folder, `build/<model>/`: the original and `train.json`.

The original is `model.keras`, a flat Keras 2 model, or `model.pb`, the frozen graph of an imported
SavedModel. A model that was imported as `.tflite` or `.onnx` files has a bundle with these files,
and an original beside it if they could be rebuilt.

This module needs no TensorFlow; code that needs the layers is in `keras_parts.py`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import EDGES, gzip_size
from edgeae.artifacts.manifest import Artifact, TensorSpec
from edgeae.artifacts.ranges import Ranges
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, about, system_error, unknown
from edgeae.metrics.loss import is_worse
from edgeae.metrics.standardization import Standardization
from edgeae.reading import files, typed
from edgeae.reading.names import check_name
from edgeae.reading.parsing import read_json

TRAIN = "train.json"
KERAS = "model.keras"
#: A few test images with their reconstructions, for the report: `image` and `reconstruction`.
SHEET = "sheet.npz"
#: Form of an original → its file.
ORIGINALS = {"keras": KERAS, "graph": "model.pb"}
#: The form of a model that has no original.
AS_IS = "as-is"
#: The family of models that edgeae did not train.
IMPORTED = "imported"
#: Keys of the dataset and of the normalization that every `train.json` has.
_DATASET, _NORMALIZATION = ("name", "sha256", "data"), ("scale", "offset")
#: Keys of the configuration of an imported model → their types.
_IMPORT: dict[str, Any] = {
    "source": list[str],
    "data": str,
    "train_data": str | None,
    "normalization": dict[str, float] | None,
    "code_layer": str | None,
    "output": str | None,
    "choice": dict[str, Any] | None,
    "ranges": Ranges,
    "as_is": str,
    "without_original": str,
}
#: The most images that the original runs at once, and the most values of these: its layers have
#: many times as many.
_AT_ONCE, _VALUES = 1000, 1_000_000
#: The largest float32; losses are computed in float32.
_LARGEST = 3.4028235e38


def images_at_once(shape: Sequence[int]) -> int:
    """Return how many images of a shape the original runs at once, so that memory is bounded."""
    return max(1, min(_AT_ONCE, _VALUES // math.prod(shape)))


@dataclass(frozen=True)
class Training:
    """The content of `train.json`: identity, training and figures of a model.

    Attributes:
        model: the model's name, which is the folder's.
        form: a key of `ORIGINALS`, or `AS_IS`.
        family: `simple`, `deep`, …, or `IMPORTED`.
        description: the architecture in one line.
        configuration: every setting of the training, or of the import.
        dataset: `name`, `sha256`, `data` (the value of `--data`, a path made absolute), the sizes
            of the split (`train` is 0 if there are only representative rows) and `mean_loss` (MSE
            of answering each test row with the mean test row); trainings by older versions lack
            `mean_loss`. If the columns have names, `columns`, in the order of a row; if the rows
            are not read as they are stored, `reading`: see `edgeae.data.Reading`.
        normalization: `scale` and `offset`: real = stored × scale + offset.
        bounds: the least and largest real value that an input can have, or None if not known.
            With the bounds of 8-bit pixels, a pixel becomes int8 by subtracting 128.
        input_shape: shape of one image, as the model takes it.
        code_shape: shape of one code.
        code_layer: the layer, or the tensor of a graph, whose output is the code; empty if `form`
            is `AS_IS`.
        parameters: number of weights.
        weights_sha256: the model's identity.
        file_sha256: hash of the original's file, which reveals a replaced file; or empty.
        curve: per epoch `loss`, each of its terms, and `validation_loss`, MSE.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        interrupted: whether Ctrl-C ended the training before its last epoch.
        losses: MSE on `validation` and `test`.
        yardsticks: `model`, `pca` and `mean` → figures on the test images; see
            `training/references.py`.
        seconds: training time; the only figure that differs between two equal trainings.
        tools: package → version.
        headroom: share by which the ranges of integers exceed those of the training rows, because
            new rows of unbounded data exceed them; 0 in the files of models without it.
        standardization: the columns' means and deviations on the training rows; None, and absent
            from the file, if the columns are not standardised.
        column_losses: column of a table → root mean squared errors on the test rows in the
            column's unit: `model`, and `mean`, that of answering with the column's mean; empty, and
            absent from the file, if the columns have no names.
        macs: multiply-accumulates of one inference; 0 if they were not counted, as in older files.
        activations: number of values that all layers output for one image; 0 likewise.
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
    headroom: float = 0.0
    standardization: Standardization | None = None
    column_losses: dict[str, dict[str, float]] = field(default_factory=dict)
    macs: int = 0
    activations: int = 0

    def __post_init__(self) -> None:
        check_name("model", self.model)
        if self.form not in (*ORIGINALS, AS_IS):
            allowed = ", ".join((*ORIGINALS, AS_IS))
            raise BadInput(f"form = {self.form!r:.40}: allowed are {allowed}")
        for key in _DATASET:
            typed.value(str, self.dataset.get(key), f"dataset.{key}")
        for key in _NORMALIZATION:
            typed.value(float, self.normalization.get(key), f"normalization.{key}")
        typed.value(list[str], self.dataset.get("columns", []), "dataset.columns")
        typed.value(dict[str, Any], self.dataset.get("reading", {}), "dataset.reading")
        typed.value(str | None, self.train_data, "configuration.train_data")
        if self.family == IMPORTED:
            for key in _IMPORT.keys() & self.configuration.keys():
                typed.value(_IMPORT[key], self.configuration[key], f"configuration.{key}")
        for place, epoch in enumerate(self.curve):
            for key, value in epoch.items():
                if abs(value) > _LARGEST:
                    told = f"curve[{place}].{key} = {value:g}"
                    raise BadInput(f"{told}: allowed are values within float32's range")

    @property
    def code_size(self) -> int:
        """The number of values of the code."""
        return math.prod(self.code_shape)

    @property
    def worse_than_mean(self) -> bool:
        """Whether the model is worse than the mean test row; False if that is not known."""
        return is_worse(self.losses.get("test", 0.0), self.dataset.get("mean_loss", 0.0))

    @property
    def as_is_sha256(self) -> str | None:
        """The identity of the model's bundle as is; None if it has none."""
        if self.form == AS_IS:
            return self.weights_sha256
        found: str | None = self.configuration.get("as_is") if self.family == IMPORTED else None
        return found

    @property
    def file(self) -> str | None:
        """The name of the original's file; None if there is no original."""
        return ORIGINALS.get(self.form)

    @property
    def data(self) -> str:
        """The argument with which `data.load` loads the same images; paths stay paths."""
        said = str(self.dataset["data"])
        return str(self.dataset["name"]) if said == "auto" else said

    @property
    def train_data(self) -> str | None:
        """The file of training rows of a model that was imported with a file of rows; or None."""
        said: str | None = self.configuration.get("train_data")
        return said

    def with_rows_at(self, places: Mapping[str, str]) -> "Training":
        """Return the same record, whose files of rows are in other places on this machine.

        Args:
            places: `data` and `train_data` → path; a key that is not there stays as it is.
        """

        def moved(record: dict[str, Any], key: str) -> dict[str, Any]:
            return {**record, key: places[key]} if key in places else record

        return replace(
            self,
            dataset=moved(self.dataset, "data"),
            configuration=moved(self.configuration, "train_data"),
        )

    @property
    def ranges(self) -> Ranges | None:
        """The ranges that the model's quantization-aware training learned, or None."""
        found = self.configuration.get("ranges")
        return None if found is None else typed.build(Ranges, found, "configuration.ranges")

    def to_json(self) -> str:
        """Return the file's text."""
        table = asdict(self)
        for key in ("headroom", "standardization", "column_losses"):
            if not table[key]:
                del table[key]  # so that models without them keep their bytes
        return json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n"

    def original(self, folder: Path, part: str) -> Artifact:
        """Return a part of the original as an artifact that a runtime can open.

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
            # not the file's hash: a .keras file contains the time at which it was written
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
        BadInput: there is no model, `train.json` is damaged, or the folder and the model have
            different names.
        ManifestMismatch: the hash of the original's file differs from `train.json`.
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
    with about(f"{file}: damaged"):
        training = typed.build(Training, table)
    _check_name(folder, training.model)
    if training.file is None:
        return training
    original = folder / training.file
    if not original.exists():
        raise BadInput(f"{original}: missing; {_remedy(training)}")
    if files.sha256(original) != training.file_sha256:
        raise ManifestMismatch(
            f"{original}: its hash differs from the one in {file}; {_again(training)}"
        )
    return training


def _remedy(training: Training) -> str:
    return f"`edgeae {'import' if training.family == IMPORTED else 'train'}` makes it"


def _again(training: Training) -> str:
    return f"{'import' if training.family == IMPORTED else 'train'} again"


def _check_name(folder: Path, model: str) -> None:
    # if the folder is a link, its own name and its target's name are both allowed
    names = (folder.absolute().name, folder.resolve().name)
    if model not in names:
        raise BadInput(
            f"{folder}: the folder is named {names[0]!r}, but its model {model!r}; rename the "
            f"folder to {model!r}, or train again with --name {names[0]}"
        )


def find_model(build: Path, name: str) -> Path:
    """Return the folder of a model, given its name below `build` or the folder's path.

    Raises:
        BadInput: there is no such model; the message lists the existing models.
    """
    for folder in (build / name, Path(name)):
        if (folder / TRAIN).exists():
            return folder
    raise unknown("model", name, [path.parent.name for path in build.glob(f"*/{TRAIN}")])
