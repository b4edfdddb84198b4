"""Child process: run a recipe as an export does, and measure it on the validation images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeae import recipe
from edgeae.artifacts.model import open_model
from edgeae.compression.control import control_losses
from edgeae.compression.pipeline import compress
from edgeae.conversion import representative
from edgeae.conversion.plan.controls import SEED, VALIDATION, control_of
from edgeae.conversion.subject import cut_original, dataset_of, folded, judge
from edgeae.metrics.loss import loss_scale
from edgeae.originals.original import from_keras, open_original
from edgeae.system import children
from edgeae.training.fit import deterministic


def fine_tuned(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Fine-tune and convert the model of a job under its recipe; write no bundle.

    The test images are not used: a choice made on them could not be judged on them.

    Args:
        job: `model` (a folder), `recipe`, and `limit`, the ratio that `Trial.spread` refers to; on
            another machine than the model's, also `rows` and `controls`, as in an export.

    Yields:
        `{"doing": …}` for each stage, then the fields of a `Trial` except `member`.

    Raises:
        BadInput, ManifestMismatch, OutOfTolerance: as an export does.
    """
    deterministic(SEED)
    folder = Path(job["model"])
    plan = recipe.from_table(job["recipe"])
    training = open_model(folder).with_rows_at(job.get("rows", {}))
    dataset = dataset_of(training)
    subject = folded(open_original(folder, training), training)
    chosen = None
    if plan.calibrates:
        images = dataset.images("train", training.input_shape)
        chosen, _ = representative.choose(
            images, plan.representative, training.bounds, training.headroom
        )
    compressed = yield from compress(subject.model, dataset, plan, chosen, SEED)
    yield {"doing": "train the equal-budget control"}
    # the control is measured on the validation images, which take the place of the test images
    judging = replace(dataset, test=dataset.validation, test_labels=None)
    kept = control_of(folder, training, plan, VALIDATION)
    trained = control_of(Path(job.get("controls", folder)), training, plan, VALIDATION)
    control = control_losses(subject.model, judging, plan, SEED, kept, trained)
    yield {"doing": "convert and measure"}
    compact = from_keras(compressed, training.code_layer, rounds=plan.learned_ranges)
    validation = dataset.images("validation", training.input_shape)
    artifact, losses = judge(cut_original(compact, plan, chosen, training.bounds), validation)
    assert artifact.packed is not None
    over = losses - job["limit"] * control
    yield {
        "bytes": sum(artifact.packed.values()),
        "loss": float(losses.mean()),
        "control": float(control.mean()),
        "spread": float(over.std(ddof=1)) if len(over) > 1 else 0.0,
        "n": len(validation),
        "n_test": len(dataset.test),
        "loss_scale": loss_scale(judging.described(training.bounds)),
    }


if __name__ == "__main__":
    children.serve(fine_tuned)
