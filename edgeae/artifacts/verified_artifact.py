"""An artifact whose hash was checked; a runtime opens nothing else."""

from dataclasses import dataclass
from pathlib import Path

from edgeae.artifacts.bundle import holding
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.model import ORIGINALS, open_model


@dataclass(frozen=True)
class VerifiedArtifact:
    """An artifact that a runtime can open.

    Attributes:
        artifact: its description: part, format, inputs and outputs.
        content: the file's bytes, which the engine opens; empty for an original.
        path: the file's path, for errors and for engines that only read files.
    """

    artifact: Artifact
    content: bytes
    path: Path


def open_program(root: Path, part: str, form: str) -> VerifiedArtifact:
    """Read a part of the bundle in `root`, or of the model in `root` if `form` is an original's.

    Raises:
        ManifestMismatch: the hash differs from the manifest's, or from the one in `train.json`.
        BadInput: there is no such bundle or artifact.
    """
    if form in ORIGINALS:
        training = open_model(root)  # checks the file's hash
        artifact = training.original(root, part)
        return VerifiedArtifact(artifact, b"", root / artifact.path)
    with holding(root) as bundle:
        artifact = bundle.artifact(part, form)
        return VerifiedArtifact(artifact, bundle.read(artifact), root / artifact.path)
