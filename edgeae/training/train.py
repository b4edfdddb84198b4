"""Train one model and write its folder."""

import hashlib
import importlib
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import atomic
from edgeae.data import Dataset, absolute
from edgeae.errors import BadInput
from edgeae.keras_parts import clone, weights_sha256
from edgeae.legacy_keras import keras
from edgeae.model import KERAS, TRAIN, Training
from edgeae.parity import mse
from edgeae.training.current import tool_versions
from edgeae.training.fit import deterministic, fit, reconstruct
from edgeae.training.settings import FAMILIES, Settings
from edgeae.training.start import start_at_mean

__all__ = ["train"]


def train(folder: Path, settings: Settings, dataset: Dataset, data: str) -> Training:
    """Train a model and write `model.keras` and `train.json`.

    Args:
        folder: `build/<model>`; held with `current.writing`.
        settings: everything that was chosen.
        dataset: what to train on.
        data: what `--data` was given, so that later commands find the same dataset.

    Raises:
        BadInput: training diverged, or the code is not narrower than the image.
    """
    if settings.code >= dataset.width:
        raise BadInput(
            f"--code {settings.code}: allowed is below the image's {dataset.width} values"
        )
    started = time.monotonic()
    deterministic(settings.seed)
    family = FAMILIES[settings.family]
    model = importlib.import_module(family.module).build(dataset.width, settings)
    start_at_mean(model, dataset)
    result = fit(
        model,
        dataset,
        epochs=settings.epochs,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        label=f"train {folder.name}",
    )
    shape = tuple(model.input_shape[1:])
    losses = {part: _loss(model, dataset.images(part, shape)) for part in ("validation", "test")}
    content = _keras_bytes(model)
    training = Training(
        model=folder.name,
        family=settings.family,
        description=_widths(model),
        configuration=asdict(settings),
        dataset={
            "name": dataset.name,
            "sha256": dataset.sha256,
            "data": absolute(data),
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": len(dataset.test),
        },
        input_shape=shape,
        code_size=settings.code,
        code_layer="code",
        parameters=int(model.count_params()),
        weights_sha256=weights_sha256(model),
        keras_sha256=hashlib.sha256(content).hexdigest(),
        curve=result.curve,
        best_epoch=result.best_epoch,
        losses=losses,
        seconds=round(time.monotonic() - started, 2),
        tools=tool_versions(),
    )
    # train.json last: it names the hash of model.keras, so a kill in between is noticed
    atomic.write_bytes(folder / KERAS, content)
    atomic.write_text(folder / TRAIN, training.to_json())
    return training


def _widths(model: Any) -> str:
    """Say the values of image, layers and reconstruction: `784 → 32 → 784`."""
    return " → ".join(str(keras.backend.int_shape(layer.output)[-1]) for layer in model.layers)


def _loss(model: Any, images: NDArray[np.float32]) -> float:
    return mse(reconstruct(model, images), images)


def _keras_bytes(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / KERAS
        clone(model).save(path)  # a copy has no optimizer, which would triple the file
        return path.read_bytes()
