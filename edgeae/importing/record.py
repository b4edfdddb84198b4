"""The `train.json` of an imported model."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeae.artifacts.model import IMPORTED, Training
from edgeae.data import Dataset
from edgeae.importing.bottleneck import Choice
from edgeae.importing.request import Request


@dataclass(frozen=True)
class Subject:
    """The facts that an importer collects about a model; other fields are those of `Training`.

    Attributes:
        kind: kind of the imported file: `keras 3`, `keras 2`, `saved model`, `tflite` or `onnx`.
        choice: the code and its alternatives; None if no graph was cut.
        ranges: the fields of the `Ranges` that the model's training learned, or None.
        as_is: identity of the bundle as is beside the original; None if there is none.
        without_original: why imported files have only a bundle as is, or None.
    """

    kind: str
    form: str
    choice: Choice | None
    description: str
    input_shape: tuple[int, ...]
    code_shape: tuple[int, ...]
    code_layer: str
    parameters: int
    weights_sha256: str
    file_sha256: str
    losses: dict[str, float]
    seconds: float
    tools: dict[str, str]
    ranges: dict[str, Any] | None = None
    as_is: str | None = None
    without_original: str | None = None
    macs: int = 0
    activations: int = 0


@dataclass(frozen=True)
class Made:
    """An original, not yet written; other fields are those of `Training`.

    Attributes:
        choice: the code and its alternatives.
        content: the bytes of its file.
    """

    form: str
    choice: Choice
    description: str
    input_shape: tuple[int, ...]
    code_shape: tuple[int, ...]
    parameters: int
    weights_sha256: str
    file_sha256: str
    losses: dict[str, float]
    tools: dict[str, str]
    macs: int
    activations: int
    content: bytes = field(repr=False)


#: Makes an original of the dataset, and of the folder of the bundle as is with its golden vectors.
Maker = Callable[[Dataset, Path], Made]


def training(request: Request, dataset: Dataset, subject: Subject) -> Training:
    """Return the record of an imported model: the request, the data and the model."""
    choice = None if subject.choice is None else subject.choice.to_json()
    configuration = {**request.asked(), "kind": subject.kind, "choice": choice}
    if subject.ranges is not None:
        configuration["ranges"] = subject.ranges
    if subject.as_is is not None:
        configuration["as_is"] = subject.as_is
    if subject.without_original is not None:
        configuration["without_original"] = subject.without_original
    return Training(
        model=request.name,
        form=subject.form,
        family=IMPORTED,
        description=subject.description,
        configuration=json.loads(json.dumps(configuration)),
        dataset={
            "name": dataset.name,
            "sha256": dataset.sha256,
            "data": str(configuration["data"]),
            "train_data": configuration["train_data"],
            "train": len(dataset.train) if dataset.trainable else 0,
            "validation": len(dataset.validation),
            "test": len(dataset.test),
            "mean_loss": dataset.mean_loss,
            **dataset.recorded(),
        },
        normalization=dataset.normalization.to_json(),
        bounds=dataset.bounds,
        input_shape=subject.input_shape,
        code_shape=subject.code_shape,
        code_layer=subject.code_layer,
        parameters=subject.parameters,
        weights_sha256=subject.weights_sha256,
        file_sha256=subject.file_sha256,
        curve=[],
        best_epoch=0,
        interrupted=False,
        losses=subject.losses,
        yardsticks={},
        seconds=subject.seconds,
        tools=subject.tools,
        macs=subject.macs,
        activations=subject.activations,
        standardization=dataset.normalization.standardization,
    )
