"""Check that the manifest's description of the artifacts agrees with the artifacts' bytes."""

from dataclasses import replace

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Artifact, Code, TensorSpec
from edgeae.errors import ManifestMismatch
from edgeae.formats.tflite import graph as tflite
from edgeae.formats.tflite import graph_statistics


def check_contract(bundle: Bundle) -> None:
    """Compare the manifest's inputs, outputs, scales and code with the artifacts' own bytes.

    A device quantizes with the manifest's scales: a wrong scale there gives wrong answers, and no
    hash shows it.

    Raises:
        ManifestMismatch: a tensor's name, shape, type, scale or zero point differs; the code of the
            encoder is not that of the decoder; or a file is missing or changed.
    """
    for artifact in bundle.manifest.artifacts:
        content = bundle.read(artifact)
        if artifact.format == "tflite":
            _check_edges(bundle, artifact, content)
    whole = {item.part: item for item in bundle.manifest.artifacts if item.format == "tflite"}
    code = bundle.manifest.code
    if {"encoder", "decoder"} <= whole.keys() and code is not None:
        encoder = whole["encoder"].output
        for spec in (encoder, whole["decoder"].input):
            _same(bundle, "code", spec, _said(bundle, spec, encoder, code))


def _said(bundle: Bundle, spec: TensorSpec, encoder: TensorSpec, code: Code) -> TensorSpec:
    """Return the tensor that one side of the code must be; only its name is the file's own."""
    if bundle.as_is and spec.affine is None:
        # with float inputs and outputs, two files need not have the same quantization steps
        return replace(spec, shape=encoder.shape, dtype=encoder.dtype)
    return TensorSpec(spec.name, encoder.shape, encoder.dtype, code.scale, code.zero_point)


def _check_edges(bundle: Bundle, artifact: Artifact, content: bytes) -> None:
    graph = tflite.read(content, artifact.path)
    actual = graph_statistics.edge_specs(graph, graph.inputs) + graph_statistics.edge_specs(
        graph, graph.outputs
    )
    declared = artifact.inputs + artifact.outputs
    if len(actual) != len(declared):
        raise ManifestMismatch(
            f"{bundle.shown}/{artifact.path}: {len(actual)} inputs and outputs, its manifest has "
            f"{len(declared)}"
        )
    for spec, claim in zip(actual, declared, strict=True):
        _same(bundle, artifact.path, spec, claim)


def _same(bundle: Bundle, what: str, actual: TensorSpec, declared: TensorSpec) -> None:
    if actual != declared:
        raise ManifestMismatch(f"{bundle.shown}/{what}: has {actual}, its manifest has {declared}")
