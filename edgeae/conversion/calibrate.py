"""Child process: measures the loss that each calibration adds to a model."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgeae import recipe
from edgeae.artifacts.model import open_model
from edgeae.conversion import representative
from edgeae.conversion.plan.calibrations import METHODS, Calibration
from edgeae.conversion.subject import cut_original, dataset_of, folded, judge
from edgeae.conversion.tflite import convert as tflite
from edgeae.metrics.loss import image_losses
from edgeae.originals.original import open_original
from edgeae.system import children
from edgeae.training.fit import deterministic


def compare(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Convert `job["model"]` (a folder) under `job["recipe"]` with each calibration in turn.

    The loss is measured on the validation images. The test images are not used: a calibration that
    was chosen on them could not be evaluated on them.

    Yields:
        `{"doing": …}` before each calibration, and the fields of a `Calibration` after it.

    Raises:
        BadInput: the dataset differs from that of the training, or the model cannot be cut.
        ManifestMismatch: the weights are not those of `train.json`.
    """
    deterministic(0)
    folder = Path(job["model"])
    plan = recipe.from_table(job["recipe"])
    training = open_model(folder)
    dataset = dataset_of(training)
    original = open_original(folder, training)
    subject = folded(original, training)
    images = dataset.images("train", training.input_shape)
    chosen, _ = representative.choose(
        images, plan.representative, training.bounds, training.headroom
    )
    validation = dataset.images("validation", training.input_shape)
    float32 = float(image_losses(original.run("autoencoder", validation), validation).mean())
    for method, share in METHODS:
        tried = replace(plan, calibration=method, percentile=share or plan.percentile)
        yield {"doing": f"{method}{'' if share is None else f' {share:g}'}"}
        _, losses = judge(cut_original(subject, tried, chosen, training.bounds), validation)
        calibration = Calibration(
            training.model,
            plan.name,
            method,
            share,
            len(validation),
            float32,
            float(losses.mean()),
            tflite.clipped(subject, tried, chosen),
        )
        yield asdict(calibration)


if __name__ == "__main__":
    children.serve(compare)
