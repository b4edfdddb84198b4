"""Child process: build one bundle, all its files but without publishing it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import atomic, children, data, recipe
from edgeae.bundle import MANIFEST, SCHEMA, Artifact, Code, Loss, Manifest, npy_bytes
from edgeae.compression import pruning
from edgeae.conversion import golden, onnx, representative, tflite
from edgeae.conversion.describe import describe_onnx, describe_tflite
from edgeae.conversion.parts import cut_parts
from edgeae.conversion.tools import tool_versions
from edgeae.data import Dataset
from edgeae.errors import BadInput, ManifestMismatch
from edgeae.formats.tflite import write
from edgeae.keras_parts import load_model, parts, weights_sha256
from edgeae.model import KERAS, Training, open_model
from edgeae.parity import mse
from edgeae.program import Program
from edgeae.quantization import dequantize
from edgeae.recipe import PARTS, Recipe
from edgeae.training.fit import deterministic, reconstruct

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
    original = load_model(folder / KERAS)
    if weights_sha256(original) != training.weights_sha256:
        raise ManifestMismatch(
            f"{folder / KERAS}: weights are not those of train.json; train again"
        )
    test = dataset.images("test", training.input_shape)
    subject, control = original, None
    if plan.prune is not None:
        yield {"doing": f"prune to {plan.prune.sparsity:.0%}"}
        subject = pruning.prune(original, dataset, plan.prune, _SEED)
        yield {"doing": "train the equal-budget control"}
        control = mse(
            reconstruct(pruning.fine_tune(original, dataset, plan.prune, _SEED), test), test
        )
    yield {"doing": "convert"}
    chosen, record = None, None
    if plan.quantization == "int8":
        images = dataset.images("train", training.input_shape)
        chosen, record = representative.choose(images, plan.representative)
    graphs = cut_parts(tflite.convert(subject, training.code_layer, plan, chosen), plan)
    artifacts = [describe_tflite(part, write(graphs[part]), plan, out) for part in PARTS]
    programs = {
        item.part: Program(item, (out / item.path).read_bytes(), out / item.path)
        for item in artifacts
    }
    if "onnx" in plan.formats:
        yield {"doing": "convert to ONNX"}
        cuts = parts(subject, training.code_layer)
        artifacts += [_onnx(part, cuts, programs[part], plan, out) for part in PARTS]
    yield {"doing": "measure the loss"}
    outputs = golden.part_outputs(programs, test)
    float32 = mse(reconstruct(original, test), test)
    exported = mse(_real(outputs["autoencoder"], programs["autoencoder"].artifact), test)
    manifest = Manifest(
        schema=SCHEMA,
        model=training.model,
        recipe=plan.name,
        recipe_sha256=plan.sha256,
        weights_sha256=training.weights_sha256,
        tools=tool_versions(plan),
        dataset={"name": dataset.name, "sha256": dataset.sha256, "n": len(test)},
        normalization={"scale": dataset.scale, "offset": 0.0},
        representative=record,
        loss=Loss.of(float32, exported, control),
        code=_code(outputs["encoder"], programs["encoder"].artifact),
        tolerance=plan.tolerance,
        golden=_write_golden(out, original, training, dataset, programs),
        artifacts=tuple(artifacts),
    )
    atomic.write_text(out / MANIFEST, manifest.to_json())


def _dataset(training: Training) -> Dataset:
    dataset = data.load(training.data)
    if dataset.sha256 != training.dataset["sha256"]:
        raise BadInput(
            f"dataset {training.data}: sha256 {dataset.sha256[:12]}…, "
            f"{training.model} was trained on {training.dataset['sha256'][:12]}…"
        )
    return dataset


def _onnx(part: str, cuts: dict[str, Any], program: Program, plan: Recipe, out: Path) -> Artifact:
    if plan.quantization == "float32":
        return describe_onnx(part, onnx.from_keras(cuts[part], part), "fp32", None, out)
    parent = program.artifact
    return describe_onnx(part, onnx.from_tflite(program.content), "qdq", parent, out)


def _real(outputs: NDArray[Any], artifact: Artifact) -> NDArray[np.float32]:
    affine = artifact.output.affine
    return outputs if affine is None else dequantize(outputs, affine)


def _code(codes: NDArray[Any], encoder: Artifact) -> Code:
    real = _real(codes, encoder)
    spec = encoder.output
    return Code(
        int(real[0].size), spec.scale, spec.zero_point, float(real.min()), float(real.max())
    )


def _write_golden(
    out: Path, original: Any, training: Training, dataset: Dataset, programs: dict[str, Program]
) -> dict[str, Any]:
    images = golden.choose_images(dataset, training.input_shape)
    cuts = parts(original, training.code_layer)
    arrays = {
        "image": images,
        "code": reconstruct(cuts["encoder"], images),
        "reconstruction": reconstruct(original, images),
        **golden.part_outputs(programs, images),
    }
    hashes = {}
    for name, array in arrays.items():
        content = npy_bytes(array)
        atomic.write_bytes(out / "golden" / f"{name}.npy", content)
        hashes[name] = atomic.sha256(content)
    return {"n": len(images), "sha256": hashes}


if __name__ == "__main__":
    children.serve(build)
