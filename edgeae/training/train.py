"""Train one model and write its folder."""

import importlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts import golden
from edgeae.artifacts.model import KERAS, SHEET, TRAIN, Training
from edgeae.artifacts.sheet import pack_sheet
from edgeae.data import Dataset, absolute, column_losses, require_trainable, require_unit
from edgeae.errors import BadInput
from edgeae.families.settings import Settings
from edgeae.families.table import FAMILIES, fitted
from edgeae.metrics.parity import mse
from edgeae.originals.keras_parts import activations, clone, macs, weights_sha256
from edgeae.originals.legacy_keras import keras
from edgeae.system import atomic
from edgeae.system.scratch import scratch
from edgeae.training.current import journal_key, tool_versions
from edgeae.training.fit import Budget, Fit, Watch, deterministic, fit, reconstruct
from edgeae.training.journal import FOLDER, Journal
from edgeae.training.pretraining import pretrain
from edgeae.training.references import yardsticks

#: Range of the training data if the output is a sigmoid.
_UNIT = (0.0, 1.0)
#: Share by which ranges of integers exceed those of training rows without bounds. More would cost
#: precision; on scikit-learn's small tables this costs int8 less than outliers do without it.
_HEADROOM = 0.2
#: Images on the report's sheet.
_SHEET = 10


def train(
    folder: Path, settings: Settings, dataset: Dataset, data: str, watch: Watch | None = None
) -> Training:
    """Train a model and write `model.keras`, `sheet.npz` and `train.json`.

    A killed training continues after its last complete epoch.

    Args:
        folder: `build/<model>`, locked by `current.writing`.
        settings: the training's settings.
        dataset: the dataset to train on.
        data: the value of `--data`, with which later commands load the same dataset.
        watch: receives the curve so far after each epoch; see `fit`. Pretraining is not in it.

    Raises:
        BadInput: the training diverged, or the family does not allow the code's size or the
            images.
        KeyboardInterrupt: Ctrl-C before the first epoch was done.
    """
    family, row = FAMILIES[settings.family], dataset.test.shape[1:]
    size = fitted(settings, row).size
    # 8-bit integers have known bounds; the bounds of other values are left to the calibration
    bounds = _UNIT if family.bounded else dataset.bounds
    journal = Journal(folder / FOLDER, journal_key(settings, dataset))
    model, result = fit_model(settings, dataset, f"train {folder.name}", journal, watch)
    shape = tuple(model.input_shape[1:])
    test = dataset.images("test", shape)
    answers = reconstruct(model, test)
    content = _keras_bytes(model)
    training = Training(
        model=folder.name,
        form="keras",
        family=settings.family,
        description=_widths(model),
        configuration=json.loads(json.dumps(asdict(settings))),
        dataset={
            "name": dataset.name,
            "sha256": dataset.sha256,
            "data": absolute(data),
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": len(dataset.test),
            "mean_loss": dataset.mean_loss,
            **dataset.recorded(),
        },
        normalization=dataset.normalization.to_json(),
        bounds=bounds,
        input_shape=shape,
        code_shape=(size,),
        code_layer="code",
        parameters=int(model.count_params()),
        weights_sha256=weights_sha256(model),
        file_sha256=atomic.sha256(content),
        curve=result.curve,
        best_epoch=result.best_epoch,
        interrupted=result.interrupted,
        losses={
            "validation": _loss(model, dataset.images("validation", shape)),
            "test": mse(answers, test),
        },
        yardsticks=yardsticks(
            dataset.images("train", (dataset.width,)),
            test,
            answers,
            size,
            (dataset.width,) if family.signals else row,
            peak=dataset.described(bounds)["span"],
            reconstruct=lambda images: reconstruct(model, images),
        ),
        seconds=round(result.seconds, 2),
        tools=tool_versions(),
        headroom=_HEADROOM if bounds is None else 0.0,
        standardization=dataset.normalization.standardization,
        column_losses=column_losses(dataset, {"model": answers}),
        macs=macs(model),
        activations=activations(model),
    )
    # train.json is written last: it contains model.keras's hash, which reveals a kill in between
    atomic.write_bytes(folder / KERAS, content)
    atomic.write_bytes(folder / SHEET, _sheet(dataset, test, answers))
    atomic.write_text(folder / TRAIN, training.to_json())
    if not result.interrupted:
        journal.discard()
    return training


def fit_model(
    settings: Settings,
    dataset: Dataset,
    label: str,
    journal: Journal | None = None,
    watch: Watch | None = None,
) -> tuple[Any, Fit]:
    """Build and train a model; write only the journal.

    Returns:
        the Keras model with its best weights, and the fit.

    Raises:
        BadInput: see `train`.
        KeyboardInterrupt: Ctrl-C before the first epoch was done.
    """
    family = FAMILIES[settings.family]
    (require_unit if family.bounded else require_trainable)(dataset)
    settings = fitted(settings, dataset.test.shape[1:])
    _check_code(settings, dataset)
    deterministic(settings.seed, settings.threads)
    objective = importlib.import_module(family.module).build(dataset.test.shape[1:], settings)
    model = objective.model
    shape = tuple(model.input_shape[1:])
    images, validation = dataset.images("train", shape), dataset.images("validation", shape)
    objective.start(images)
    budget = Budget(
        settings.epochs,
        settings.batch,
        settings.learning_rate,
        settings.seed,
        least=family.steps_per_epoch,
    )
    before = 0.0
    if settings.pretrain:
        before = pretrain(model, images, validation, budget, label=label, journal=journal)
    result = fit(objective, images, validation, budget, label=label, journal=journal, watch=watch)
    return model, replace(result, seconds=before + result.seconds)


def _check_code(settings: Settings, dataset: Dataset) -> None:
    if settings.family == "overcomplete":
        if settings.size < dataset.width:
            raise BadInput(
                f"--code {settings.code}: allowed with family overcomplete is the image's "
                f"{dataset.width} values or more"
            )
        return
    if settings.size >= dataset.width:
        raise BadInput(
            f"--code {settings.code}: allowed is below the image's {dataset.width} values; "
            "only family overcomplete has wider codes"
        )


def _widths(model: Any) -> str:
    """Return the shapes of image, layers and reconstruction: `784 → 32 → 784`, `28×28×1 → …`."""
    shapes = [
        "×".join(map(str, keras.backend.int_shape(layer.output)[1:]))
        for layer in model.layers
        if layer.weights or isinstance(layer, keras.layers.InputLayer)
    ]
    # skip a shape equal to the one before: a normalisation has the shape of its convolution
    distinct = [
        shape for number, shape in enumerate(shapes) if shapes[number - 1 : number] != [shape]
    ]
    return " → ".join(distinct)


def _loss(model: Any, images: NDArray[np.float32]) -> float:
    return mse(reconstruct(model, images), images)


def _sheet(dataset: Dataset, test: NDArray[np.float32], answers: NDArray[np.float32]) -> bytes:
    """Return the bytes of `sheet.npz`: a few test images, one of each label first."""
    chosen = golden.choose(len(test), dataset.test_labels)[:_SHEET]
    shape = dataset.test.shape[1:]
    return pack_sheet(test[chosen].reshape(-1, *shape), answers[chosen].reshape(-1, *shape))


def _keras_bytes(model: Any) -> bytes:
    with scratch() as folder:
        path = folder / KERAS
        clone(model).save(path)  # the copy lacks the optimizer, which would triple the file
        return path.read_bytes()
