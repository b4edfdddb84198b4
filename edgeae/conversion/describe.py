"""Write one artifact and describe it for the manifest, from its own bytes."""

from pathlib import Path

from edgeae.artifacts.manifest import Artifact
from edgeae.formats import describe
from edgeae.recipe import Recipe
from edgeae.system import atomic


def describe_tflite(part: str, content: bytes, recipe: Recipe, out: Path) -> Artifact:
    """Write `<part>.tflite` into `out` and describe it."""
    path = f"{part}.tflite"
    # the parts are cut out of the whole; see formats/cut.py
    parent = None if part == "autoencoder" else "autoencoder.tflite"
    artifact = describe.tflite(part, content, path, recipe.quantization, parent)
    atomic.write_bytes(out / path, content)
    return artifact


def describe_onnx(
    part: str, content: bytes, flavour: str, parent: Artifact | None, out: Path
) -> Artifact:
    """Write `<part>.onnx` into `out` and describe it; `parent` is the `.tflite` behind it."""
    path = f"{part}.onnx"
    artifact = describe.onnx(part, content, path, flavour, parent)
    atomic.write_bytes(out / path, content)
    return artifact
