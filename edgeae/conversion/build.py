"""Child process: build one bundle, all its files but without publishing it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import atomic, children, data, golden, recipe
from edgeae.bundle import MANIFEST, SCHEMA, Code, Loss, Manifest
from edgeae.compression.control import control_losses, place
from edgeae.compression.folding import fold
from edgeae.compression.pipeline import compress
from edgeae.conversion import onnx, representative, tflite
from edgeae.conversion.describe import describe_onnx, describe_tflite
from edgeae.conversion.parts import cut_parts
from edgeae.conversion.tools import tool_versions
from edgeae.data import Dataset, Normalization
from edgeae.errors import BadInput
from edgeae.formats.tflite import Graph, write
from edgeae.inference import part_outputs, real
from edgeae.loss import image_losses
from edgeae.model import Training, open_model
from edgeae.originals import Original, from_keras, open_original
from edgeae.program import Program
from edgeae.recipe import PARTS, REFERENCE, Recipe
from edgeae.runtimes import load
from edgeae.training.fit import deterministic

_SEED = 0


def build(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Build the bundle of `job["model"]` (a folder) under `job["recipe"]` in `job["out"]`.

    Reports `{"doing": …}` for each stage.

    Raises:
        BadInput: the dataset is not the one of the training, or the model cannot be cut.
        ManifestMismatch: the weights are not those of `train.json`.
        OutOfTolerance: an int8 artifact holds a float operator, or a pruned one too few zeros.
    """
    deterministic(_SEED)
    folder, out = Path(job["model"]), Path(job["out"])
    plan = recipe.from_table(job["recipe"])
    training = open_model(folder)
    dataset = _dataset(training)
    original = open_original(folder, training)
    test = dataset.images("test", training.input_shape)
    subject, control = _folded(original, training), None
    chosen, record = None, None
    if plan.calibrates:
        images = dataset.images("train", training.input_shape)
        chosen, record = representative.choose(images, plan.representative, training.bounds)
    if plan.fine_tunes:
        compressed = yield from compress(subject.model, dataset, plan, chosen, _SEED)
        yield {"doing": "train the equal-budget control"}
        identity = [training.weights_sha256, dataset.sha256, _SEED, tool_versions(plan)]
        kept = place(folder, plan, identity)
        control = control_losses(subject.model, dataset, plan, _SEED, kept)
        subject = from_keras(compressed, training.code_layer)
    yield {"doing": "convert"}
    graphs = _cut(subject, plan, chosen, training)
    artifacts = [describe_tflite(part, write(graphs[part]), plan, out) for part in PARTS]
    programs = {
        item.part: Program(item, (out / item.path).read_bytes(), out / item.path)
        for item in artifacts
    }
    if "onnx" in plan.formats:
        yield {"doing": "convert to ONNX"}
        made = onnx.convert(subject, plan, training.weights_sha256, programs, chosen)
        artifacts += [
            describe_onnx(part, item.content, item.flavour, item.parent, out)
            for part, item in made.items()
        ]
    yield {"doing": "measure the loss"}
    outputs = part_outputs(load(REFERENCE), programs, test)
    float32 = image_losses(original.run("autoencoder", test), test)
    codes = real(programs["encoder"].artifact, outputs["encoder"])
    exported = image_losses(real(programs["autoencoder"].artifact, outputs["autoencoder"]), test)
    manifest = Manifest(
        schema=SCHEMA,
        model=training.model,
        recipe=plan.name,
        recipe_sha256=plan.sha256,
        weights_sha256=training.weights_sha256,
        tools=tool_versions(plan),
        dataset=dataset.described(training.bounds),
        normalization=dataset.normalization.to_json(),
        representative=record,
        loss=Loss.of(float32, exported, control, dataset.test_labels),
        code=Code.of(programs["encoder"].artifact.output, codes),
        tolerance=plan.tolerance,
        golden=_write_golden(out, original, dataset, programs),
        artifacts=tuple(artifacts),
    )
    atomic.write_text(out / MANIFEST, manifest.to_json())


def _cut(
    subject: Original, plan: Recipe, chosen: NDArray[np.float32] | None, training: Training
) -> dict[str, Graph]:
    """Convert and cut; with a fence at the code where the converter moved arithmetic over it."""
    whole = tflite.convert(subject, plan, chosen)
    try:
        return cut_parts(whole, plan, training.bounds)
    except BadInput:
        # the original itself can be cut there, or it could not have been opened
        fenced = tflite.convert(subject, plan, chosen, fenced=True)
        return cut_parts(fenced, plan, training.bounds)


def _dataset(training: Training) -> Dataset:
    dataset = data.load(
        training.data,
        normalization=Normalization(**training.normalization),
        train=training.configuration.get("train_data"),
    )
    if dataset.sha256 != training.dataset["sha256"]:
        raise BadInput(
            f"dataset {training.data}: sha256 {dataset.sha256[:12]}…, "
            f"{training.model} was trained on {training.dataset['sha256'][:12]}…"
        )
    return dataset


def _folded(original: Original, training: Training) -> Original:
    """Fold batch normalisation before anything else: QAT and pruning know none, TFLite some."""
    if original.model is None:
        return original
    model = fold(original.model, keep={training.code_layer})
    return original if model is original.model else from_keras(model, training.code_layer)


def _write_golden(
    out: Path, original: Original, dataset: Dataset, programs: dict[str, Program]
) -> dict[str, Any]:
    test = dataset.images("test", original.input_shape)
    images = test[golden.choose(len(test), dataset.test_labels)]
    arrays = {
        "image": images,
        "code": original.run("encoder", images),
        "reconstruction": original.run("autoencoder", images),
        **part_outputs(load(REFERENCE), programs, images),
    }
    return golden.write(out, arrays)


if __name__ == "__main__":
    children.serve(build)
