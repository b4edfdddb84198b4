"""An artifact whose bytes were checked: the only thing that a runtime is ever given."""

from dataclasses import dataclass
from pathlib import Path

from edgeae.artifacts.bundle import holding
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.model import ORIGINALS, open_model


@dataclass(frozen=True)
class VerifiedArtifact:
    """What a runtime opens.

    Attributes:
        artifact: its description: part, format, inputs and outputs.
        content: the file's bytes; what an engine is given.
        path: where it lies, for engines that only read files and for errors.
    """

    artifact: Artifact
    content: bytes
    path: Path


def open_program(root: Path, part: str, form: str) -> VerifiedArtifact:
    """Read a part of the bundle in `root`, or of the model there when `form` is an original's.

    Raises:
        ManifestMismatch: the bytes are not those of the manifest (of `train.json`).
        BadInput: there is no such bundle or artifact.
    """
    if form in ORIGINALS:
        training = open_model(root)  # checks the file's hash
        artifact = training.original(root, part)
        return VerifiedArtifact(artifact, b"", root / artifact.path)
    with holding(root) as bundle:
        artifact = bundle.artifact(part, form)
        return VerifiedArtifact(artifact, bundle.read(artifact), root / artifact.path)
