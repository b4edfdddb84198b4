"""Does the manifest say of the artifacts what they say themselves?"""

from edgeae.bundle import Artifact, Bundle, TensorSpec
from edgeae.errors import ManifestMismatch
from edgeae.formats import census, tflite

__all__ = ["check_contract"]


def check_contract(bundle: Bundle) -> None:
    """Compare edges, scales and the code with the artifacts' own bytes.

    A device quantizes by what the manifest says; a wrong scale there is a wrong answer that no
    hash shows.

    Raises:
        ManifestMismatch: a tensor's name, shape, type, scale or zero point differs, or the code is
            not the same on both sides of the cut; also when a file is missing or changed.
    """
    for artifact in bundle.manifest.artifacts:
        content = bundle.read(artifact)
        if artifact.format == "tflite":
            _check_edges(bundle, artifact, content)
    whole = {item.part: item for item in bundle.manifest.artifacts if item.format == "tflite"}
    if {"encoder", "decoder"} <= whole.keys():
        code = bundle.manifest.code
        said = TensorSpec(
            "code",
            whole["encoder"].output.shape,
            whole["encoder"].output.dtype,
            code.scale,
            code.zero_point,
        )
        for spec in (whole["encoder"].output, whole["decoder"].input):
            _same(bundle, "code", spec, said)


def _check_edges(bundle: Bundle, artifact: Artifact, content: bytes) -> None:
    graph = tflite.read(content, artifact.path)
    found = census.edge_specs(graph, graph.inputs) + census.edge_specs(graph, graph.outputs)
    said = artifact.inputs + artifact.outputs
    if len(found) != len(said):
        raise ManifestMismatch(
            f"{bundle.root}/{artifact.path}: {len(found)} edges, {len(said)} said"
        )
    for spec, claim in zip(found, said, strict=True):
        _same(bundle, artifact.path, spec, claim)


def _same(bundle: Bundle, what: str, found: TensorSpec, said: TensorSpec) -> None:
    if found != said:
        raise ManifestMismatch(f"{bundle.root}/{what}: has {found}, its manifest says {said}")
