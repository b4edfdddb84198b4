"""Child process: builds all files of a bundle, without publishing it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import recipe
from edgeae.artifacts import golden
from edgeae.artifacts.bundle import MANIFEST
from edgeae.artifacts.manifest import SCHEMA, Artifact, Code, Golden, Manifest
from edgeae.artifacts.model import open_model
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.compression.control import control_losses
from edgeae.compression.pipeline import compress
from edgeae.conversion import representative
from edgeae.conversion.onnx import convert as onnx
from edgeae.conversion.plan.controls import SEED, control_of
from edgeae.conversion.plan.stages import CONTROL, CONVERT
from edgeae.conversion.plan.tools import tool_versions
from edgeae.conversion.subject import cut_original, dataset_of, subject_of
from edgeae.data import column_losses
from edgeae.formats import describe
from edgeae.formats.tflite.graph import write
from edgeae.metrics.loss import Loss, image_losses
from edgeae.originals.original import Original, from_keras, open_original
from edgeae.recipe import PARTS, Recipe
from edgeae.runtimes.inference import part_outputs, prepare, real
from edgeae.runtimes.reference import run_as_reference, run_reference
from edgeae.system import atomic, children
from edgeae.training.fit import deterministic


def build(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Build the bundle of `job["model"]` (a folder) under `job["recipe"]` in `job["out"]`.

    `job["overrides"]` are the settings that the recipe has on top of its file. On another machine
    than the model's, `job["rows"]` says where its files of rows are, see `Training.with_rows_at`,
    and `job["controls"]` names the folder that gets the losses of a control that is trained here,
    see `plan/controls.py`.

    Yields:
        `{"doing": …}` before each stage.

    Raises:
        BadInput: the dataset differs from that of the training, or the model cannot be cut.
        ManifestMismatch: the weights are not those of `train.json`.
        OutOfTolerance: an int8 artifact has a float operator, or weights have fewer zeros or more
            values than the recipe asks for.
    """
    deterministic(SEED)
    folder, out = Path(job["model"]), Path(job["out"])
    plan = recipe.from_table(job["recipe"])
    training = open_model(folder).with_rows_at(job.get("rows", {}))
    dataset = dataset_of(training)
    original = open_original(folder, training)
    test = dataset.images("test", training.input_shape)
    subject, control = subject_of(original, training, plan), None
    chosen, record = None, None
    if training.ranges is not None and plan.calibrates and not subject.rounds:
        yield {"doing": f"the learned ranges are not kept: {plan.why_calibrated}"}
    if plan.calibrates and not subject.rounds:
        images = dataset.images("train", training.input_shape)
        chosen, record = representative.choose(
            images, plan.representative, training.bounds, training.headroom
        )
    if plan.fine_tunes:
        compressed = yield from compress(subject.model, dataset, plan, chosen, SEED)
        yield {"doing": CONTROL}
        kept = control_of(folder, training, plan)
        trained = control_of(Path(job.get("controls", folder)), training, plan)
        control = control_losses(subject.model, dataset, plan, SEED, kept, trained)
        subject = from_keras(compressed, training.code_layer, rounds=plan.learned_ranges)
    yield {"doing": CONVERT}
    warnings: list[str] = []
    graphs = cut_original(subject, plan, chosen, training.bounds, warnings.append)
    yield from ({"doing": line} for line in warnings)
    artifacts = [describe_tflite(part, write(graphs[part]), plan, out) for part in PARTS]
    programs = {
        item.part: VerifiedArtifact(item, (out / item.path).read_bytes(), out / item.path)
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
    # only both halves: `verify` checks that the whole has the same outputs, and running the whole
    # would take as long again
    halves = {part: programs[part] for part in PARTS if part != "autoencoder"}
    golden_images = test[golden.choose(len(test), dataset.test_labels)]
    known = part_outputs(run_reference, programs, golden_images)
    slow: list[str] = []
    outputs = part_outputs(partial(_as_reference, golden_images, known, slow.append), halves, test)
    yield from ({"doing": line} for line in slow)
    answers = {
        "float32": original.run("autoencoder", test),
        "exported": real(programs["decoder"].artifact, outputs["decoder"]),
    }
    float32, exported = (image_losses(item, test) for item in answers.values())
    codes = real(programs["encoder"].artifact, outputs["encoder"])
    described = dataset.described(training.bounds)
    manifest = Manifest(
        schema=SCHEMA,
        model=training.model,
        recipe=plan.name,
        recipe_sha256=plan.sha256,
        weights_sha256=training.weights_sha256,
        tools=tool_versions(plan),
        dataset=described,
        normalization=dataset.normalization.to_json(),
        representative=record,
        loss=Loss.of(
            float32,
            exported,
            control,
            dataset.test_labels,
            described["mean_loss"],
            column_losses(dataset, answers),
        ),
        code=Code.of(programs["encoder"].artifact.output, codes),
        tolerance=plan.tolerance,
        golden=_write_golden(out, original, golden_images, known),
        artifacts=tuple(artifacts),
        settings=recipe.to_table(plan),
        overrides=tuple(job["overrides"]),
        standardization=training.standardization,
    )
    atomic.write_text(out / MANIFEST, manifest.to_json())


def _as_reference(
    images: NDArray[np.float32],
    answers: Mapping[str, NDArray[Any]],
    say: Callable[[str], None],
    program: VerifiedArtifact,
    inputs: NDArray[Any],
) -> NDArray[Any]:
    """Run a half as the reference kernels do, whose answers to the golden images are known."""
    part = program.artifact.part
    asked = prepare(program.artifact, images) if part == "encoder" else answers["encoder"]
    return run_as_reference(program, inputs, (asked, answers[part]), say)


def _write_golden(
    out: Path,
    original: Original,
    images: NDArray[np.float32],
    answers: Mapping[str, NDArray[Any]],
) -> Golden:
    arrays = {
        "image": images,
        "code": original.run("encoder", images),
        "reconstruction": original.run("autoencoder", images),
        **answers,
    }
    return golden.write(out, arrays)


def describe_tflite(part: str, content: bytes, recipe: Recipe, out: Path) -> Artifact:
    """Write `<part>.tflite` into `out`, and return its description."""
    path = f"{part}.tflite"
    # encoder and decoder are cut out of the autoencoder; see formats/tflite/cut.py
    parent = None if part == "autoencoder" else "autoencoder.tflite"
    artifact = describe.tflite(part, content, path, recipe.quantization, parent)
    atomic.write_bytes(out / path, content)
    return artifact


def describe_onnx(
    part: str, content: bytes, flavour: str, parent: Artifact | None, out: Path
) -> Artifact:
    """Write `<part>.onnx` into `out`, and return its description.

    `parent` is the `.tflite` that it was made from, or None.
    """
    path = f"{part}.onnx"
    artifact = describe.onnx(part, content, path, flavour, parent)
    atomic.write_bytes(out / path, content)
    return artifact


if __name__ == "__main__":
    children.serve(build)
