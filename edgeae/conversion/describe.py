"""Write one artifact and describe it for the manifest, from its own bytes."""

from pathlib import Path

from edgeae import atomic
from edgeae.bundle import Artifact, gzip_size
from edgeae.formats import census, onnx_file
from edgeae.formats.tflite import read
from edgeae.recipe import Recipe

__all__ = ["describe_onnx", "describe_tflite"]


def describe_tflite(part: str, content: bytes, recipe: Recipe, out: Path) -> Artifact:
    """Write `<part>.tflite` into `out` and describe it."""
    graph = read(content, f"{part}.tflite")
    path = f"{part}.tflite"
    atomic.write_bytes(out / path, content)
    return Artifact(
        part=part,
        format="tflite",
        flavour=recipe.quantization,
        path=path,
        sha256=atomic.sha256(content),
        bytes=len(content),
        gzip_bytes=gzip_size(content),
        inputs=census.edge_specs(graph, graph.inputs),
        outputs=census.edge_specs(graph, graph.outputs),
        ops=census.operators(graph),
        minimum_runtime=census.minimum_runtime(graph),
        macs=census.macs(graph),
        sparsity=census.sparsity(graph),
        # the parts are cut out of the whole; see formats/cut.py
        parent=None if part == "autoencoder" else "autoencoder.tflite",
    )


def describe_onnx(
    part: str, content: bytes, flavour: str, parent: Artifact | None, out: Path
) -> Artifact:
    """Write `<part>.onnx` into `out` and describe it; `parent` is the `.tflite` behind it."""
    path = f"{part}.onnx"
    model = onnx_file.read(content, path)
    atomic.write_bytes(out / path, content)
    return Artifact(
        part=part,
        format="onnx",
        flavour=flavour,
        path=path,
        sha256=atomic.sha256(content),
        bytes=len(content),
        gzip_bytes=gzip_size(content),
        inputs=onnx_file.inputs(model) if parent is None else parent.inputs,
        outputs=onnx_file.outputs(model) if parent is None else parent.outputs,
        ops=onnx_file.operators(model),
        minimum_runtime=f"opset {onnx_file.opset(model)}",
        macs=onnx_file.macs(model),
        sparsity=onnx_file.sparsity(model),
        parent=None if parent is None else parent.path,
    )
