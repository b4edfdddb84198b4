"""Open candidate and baseline, and check that both are the same part."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import MANIFEST, Bundle, holding
from edgeae.artifacts.manifest import Artifact
from edgeae.baselines.find import BaselineFile, Candidate
from edgeae.errors import BadInput
from edgeae.formats.opening import open_file
from edgeae.gate.finding import Cell


@dataclass(frozen=True)
class Side:
    """One artifact whose bytes were checked: a candidate or a baseline.

    Attributes:
        label: display name: `deep/int8 encoder.tflite`, or the file's path.
        path: the file.
        artifact: the file's description.
        bundle: the bundle that holds the file; None for a bare file.
        note: a note for the reader; empty without one.
    """

    label: str
    path: Path
    artifact: Artifact
    bundle: Bundle | None = None
    note: str = ""

    def to_job(self) -> dict[str, Any]:
        """Return the artifact's place and hash as JSON values, from which the worker opens it."""
        artifact, hashes = self.artifact, {"sha256": self.artifact.sha256}
        if self.bundle is None:
            return {"path": str(self.path), **hashes}
        place = {"root": str(self.bundle.root), "part": artifact.part, "format": artifact.format}
        return {**place, **hashes}

    @property
    def sought(self) -> Candidate:
        """The key by which this artifact's baseline is found."""
        if self.bundle is None:
            return Candidate.of_file(self.path)
        return Candidate.of_artifact(self.bundle, self.artifact)


@dataclass(frozen=True)
class Pair:
    """A candidate and its baseline, to be judged in one runtime.

    Attributes:
        candidate: the new artifact.
        baseline: the artifact that the candidate is compared with; None if it is missing.
        runtime, threads, batch: settings that both sides run with.
        absence: reason for a missing baseline or runtime, in one line.
    """

    candidate: Side
    baseline: Side | None
    runtime: str
    threads: int = 1
    batch: int = 1
    absence: str = ""

    def __post_init__(self) -> None:
        if self.baseline is None:
            return
        ours, theirs = self.candidate.artifact, self.baseline.artifact
        for kind in ("input", "output"):
            new, old = getattr(ours, kind).values, getattr(theirs, kind).values
            if new != old:
                raise BadInput(
                    f"{self.candidate.path}: {kind} of {_shape(new)} values per example, its "
                    f"baseline {self.baseline.path} has {_shape(old)}: they are not the same part"
                )

    @property
    def cell(self) -> Cell:
        """The names, hashes and settings of the pair."""
        baseline = self.baseline
        return Cell(
            candidate=self.candidate.label,
            baseline=baseline.label if baseline else "",
            candidate_sha256=self.candidate.artifact.sha256,
            baseline_sha256=baseline.artifact.sha256 if baseline else "",
            runtime=self.runtime,
            threads=self.threads,
            batch=self.batch,
        )

    @property
    def is_identical(self) -> bool:
        """Whether candidate and baseline have the same bytes."""
        return (
            self.baseline is not None
            and self.candidate.artifact.sha256 == self.baseline.artifact.sha256
        )


def _shape(values: tuple[int, ...]) -> str:
    return "×".join(map(str, values)) or "no"


def sides(place: Path) -> list[Side]:
    """Return the artifacts at a path: a bare file, an artifact of a bundle, or a whole bundle's.

    Raises:
        BadInput: the path does not exist, or cannot be read.
        ManifestMismatch: a file is not the one that its manifest describes.
        RuntimeUnavailable: the path is a bare ONNX file, and the package `onnx` is not installed.
    """
    if place.is_dir():
        if not (place / MANIFEST).exists():
            raise BadInput(f"{place}: a folder without {MANIFEST} is not a bundle")
        return _of_bundle(place)
    if (place.parent / MANIFEST).exists():
        for side in _of_bundle(place.parent):
            if side.path.name == place.name:
                return [side]
    return [Side(str(place), place, open_file(place).artifact)]


def _of_bundle(place: Path) -> list[Side]:
    with holding(place) as bundle:
        return of_bundle(bundle)


def of_bundle(bundle: Bundle) -> list[Side]:
    """Return the artifacts of an open bundle.

    Raises:
        ManifestMismatch: a file is not the one that its manifest describes.
    """
    for artifact in bundle.manifest.artifacts:
        bundle.read(artifact)
    kept = replace(bundle, root=bundle.shown)
    return [
        Side(f"{kept.name} {Path(item.path).name}", kept.root / item.path, item, kept)
        for item in kept.manifest.artifacts
    ]


def of_baseline(found: BaselineFile) -> Side:
    """Return the side of a baseline that was found and checked; raises the errors of `sides`."""
    artifact = found.artifact or open_file(found.path).artifact
    return Side(found.label, found.path, artifact, found.bundle, found.note)
