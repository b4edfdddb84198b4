"""Writes the bundle of imported files; they are both the original and the artifacts."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import __version__
from edgeae.artifacts import golden
from edgeae.artifacts.bundle import MANIFEST, npy_bytes
from edgeae.artifacts.manifest import SCHEMA, Artifact, Code, Golden, Manifest
from edgeae.data import Dataset, column_losses
from edgeae.errors import BadInput, about
from edgeae.importing.bare.parts import Parts
from edgeae.metrics.loss import Loss, image_losses
from edgeae.metrics.tolerance import Tolerance
from edgeae.recipe import AS_IS, REFERENCES, find
from edgeae.runtimes.inference import real
from edgeae.system import atomic, children
from edgeae.system.scratch import scratch, write_scratch

_TIMEOUT_S = 1800.0
#: Format → package of its reference runtime.
_PACKAGES = {"tflite": "ai-edge-litert", "onnx": "onnxruntime"}
#: Flavour → the recipe whose tolerance its artifacts get; other flavours get that of int8.
_LIKE = {
    **{"float32": "float32", "fp32": "float32"},
    **{"float16": "float16", "fp16": "float16", "dynamic": "dynamic"},
}


def write_bundle(out: Path, model: str, dataset: Dataset, parts: Parts) -> Manifest:
    """Write artifacts, golden vectors and manifest into an empty folder.

    Args:
        out: the folder.
        model: name of the model.
        dataset: data on which the files are evaluated.
        parts: the files.

    Returns:
        The manifest that was written.

    Raises:
        BadInput: the files do not take the dataset's rows, or an output is not finite.
        RuntimeCrashed: the reference runtime crashed on a file.
        RuntimeUnavailable: the reference runtime is not installed.
    """
    artifacts = [program.artifact for program in parts.programs.values()]
    for artifact in artifacts:
        atomic.write_bytes(out / artifact.path, parts.programs[artifact.part].content)
    images = dataset.images("test", artifacts[0].input.values)
    version, outputs = _answers(out, parts, images)
    _check_finite(parts, dataset, outputs)
    values = {item.part: real(item, outputs[item.part]) for item in artifacts}
    reconstruction = values.get("autoencoder", values.get("decoder"))
    described = dataset.described()
    manifest = Manifest(
        schema=SCHEMA,
        model=model,
        recipe=AS_IS,
        recipe_sha256=atomic.sha256(AS_IS.encode()),
        weights_sha256=atomic.sha256("\n".join(item.sha256 for item in artifacts).encode()),
        tools={"edgeae": __version__, _PACKAGES[parts.format]: version},
        dataset=described,
        normalization=dataset.normalization.to_json(),
        representative=None,
        loss=None if reconstruction is None else _loss(dataset, images, reconstruction),
        code=Code.of(artifacts[0].output, values["encoder"]) if "encoder" in values else None,
        tolerance=_tolerance(artifacts),
        golden=_write_golden(out, dataset, images, values, outputs),
        artifacts=tuple(artifacts),
        standardization=dataset.normalization.standardization,
    )
    atomic.write_text(out / MANIFEST, manifest.to_json())
    return manifest


def _answers(
    folder: Path, parts: Parts, images: NDArray[np.float32]
) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the reference runtime's version, and part → outputs (n, …) in the artifact's type."""
    artifacts = [program.artifact for program in parts.programs.values()]
    origins = {part: str(program.path) for part, program in parts.programs.items()}
    with scratch() as out:
        write_scratch(out / "images.npy", npy_bytes(images))
        job = {
            "runtime": REFERENCES[artifacts[0].format],
            "folder": str(folder),
            "artifacts": [asdict(item) for item in artifacts],
            "origins": origins,
            "images": str(out / "images.npy"),
            "out": str(out),
        }
        with about(" and ".join(dict.fromkeys(origins.values()))):
            (report,) = children.run("edgeae.importing.bare.answers", job, timeout_s=_TIMEOUT_S)
        outputs = {item.part: np.load(out / f"{item.part}.npy") for item in artifacts}
    return report["version"], outputs


def _loss(
    dataset: Dataset, images: NDArray[np.float32], reconstruction: NDArray[np.float32]
) -> Loss:
    losses = image_losses(reconstruction, images)
    columns = column_losses(dataset, {"float32": reconstruction, "exported": reconstruction})
    return Loss.of(losses, losses, None, dataset.test_labels, dataset.mean_loss, columns)


def _check_finite(parts: Parts, dataset: Dataset, outputs: dict[str, NDArray[Any]]) -> None:
    for part, array in outputs.items():
        if not np.isfinite(array).all():
            raise BadInput(
                f"{parts.programs[part].path}: its {part} gives NaN or infinity on {dataset.name}"
            )


def _tolerance(artifacts: list[Artifact]) -> Tolerance:
    """Return the largest tolerances that the recipes in `_LIKE` allow for such artifacts."""
    like = {_LIKE.get(item.flavour, "int8") for item in artifacts}
    tolerances = [find(name).tolerance for name in sorted(like)]
    limits = {
        item.name: max(getattr(tolerance, item.name) for tolerance in tolerances)
        for item in fields(Tolerance)
    }
    return Tolerance(**limits)


def _write_golden(
    out: Path,
    dataset: Dataset,
    images: NDArray[np.float32],
    values: dict[str, NDArray[np.float32]],
    outputs: dict[str, NDArray[Any]],
) -> Golden:
    rows = golden.choose(len(images), dataset.test_labels)
    arrays: dict[str, NDArray[Any]] = {"image": images}
    if "encoder" in values:
        arrays["code"] = values["encoder"]
    whole = values.get("autoencoder", values.get("decoder"))
    if whole is not None:
        arrays["reconstruction"] = whole
    return golden.write(out, {name: array[rows] for name, array in (arrays | outputs).items()})
