"""Candidate and baseline: which files they are, and whether they are the same part."""

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
    """One artifact, its bytes checked once.

    Attributes:
        label: for people: `deep/int8 encoder.tflite`, or the file's path.
        path: the file.
        artifact: its description.
        bundle: that it is part of; None for a bare file.
        note: what a reader should know.
    """

    label: str
    path: Path
    artifact: Artifact
    bundle: Bundle | None = None
    note: str = ""

    def to_job(self) -> dict[str, Any]:
        """Return what the worker opens it by."""
        artifact, known = self.artifact, {"sha256": self.artifact.sha256}
        if self.bundle is None:
            return {"path": str(self.path), **known}
        place = {"root": str(self.bundle.root), "part": artifact.part, "format": artifact.format}
        return {**place, **known}

    @property
    def sought(self) -> Candidate:
        """What its baseline is looked for by."""
        if self.bundle is None:
            return Candidate.of_file(self.path)
        return Candidate.of_artifact(self.bundle, self.artifact)


@dataclass(frozen=True)
class Pair:
    """What is judged: a candidate beside its baseline, in one runtime.

    Attributes:
        candidate: what is new.
        baseline: what it is compared with; None where there is none.
        runtime, threads, batch: how both are run.
        absence: why there is no baseline, in one line.
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
                    f"baseline {self.baseline.path} has {_shape(old)}: not the same part"
                )

    @property
    def cell(self) -> Cell:
        """The pair by its names and hashes."""
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
        """Whether candidate and baseline are the same bytes."""
        return (
            self.baseline is not None
            and self.candidate.artifact.sha256 == self.baseline.artifact.sha256
        )


def _shape(values: tuple[int, ...]) -> str:
    return "×".join(map(str, values)) or "no"


def sides(place: Path) -> list[Side]:
    """Return what a path names: a bare file, an artifact inside a bundle, or a whole bundle.

    Raises:
        BadInput: there is no such thing, or it cannot be read.
        ManifestMismatch: a file is not the one of its manifest.
        RuntimeUnavailable: a bare ONNX file, and the package `onnx` is not installed.
    """
    if place.is_dir():
        if not (place / MANIFEST).exists():
            raise BadInput(f"{place}: a folder without {MANIFEST}: neither a bundle nor a file")
        return _of_bundle(place)
    if (place.parent / MANIFEST).exists():
        for side in _of_bundle(place.parent):
            if side.path.name == place.name:
                return [side]
    return [Side(str(place), place, open_file(place).artifact)]


def _of_bundle(place: Path) -> list[Side]:
    with holding(place) as held:
        for artifact in held.manifest.artifacts:
            held.read(artifact)
        bundle = replace(held, root=place)
    return [
        Side(f"{bundle.name} {Path(item.path).name}", place / item.path, item, bundle)
        for item in bundle.manifest.artifacts
    ]


def of_baseline(found: BaselineFile) -> Side:
    """Open a baseline that was found. See `sides` for the errors."""
    if found.root is None:
        side = Side(found.label, found.path, open_file(found.path).artifact)
    else:
        wanted = (found.part, found.format)
        (side,) = (
            side
            for side in _of_bundle(found.root)
            if (side.artifact.part, side.artifact.format) == wanted
        )
    return replace(side, label=found.label, note=found.note)
