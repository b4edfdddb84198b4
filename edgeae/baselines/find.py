"""Baselines are artifacts: what a candidate is compared with, found by what the user named.

A bundle, a bare `.tflite` or `.onnx`, a folder of both, or `git:REF`: that folder as committed.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeae.artifacts.bundle import MANIFEST, Bundle, find_bundles, holding, open_bundle
from edgeae.artifacts.manifest import Artifact
from edgeae.baselines import record
from edgeae.errors import BadInput, NotMeasured
from edgeae.system import git as committed
from edgeae.system.scratch import scratch

#: Where a project keeps its baselines.
FOLDER = "bench/baselines"
#: Of bare files, by suffix.
FORMATS = ("tflite", "onnx")
_GIT = "git:"


@dataclass(frozen=True)
class Candidate:
    """What a baseline is looked for.

    Attributes:
        file: the artifact's file name.
        format: `tflite` or `onnx`.
        model, recipe, part: of a bundle's artifact; empty for a bare file.
    """

    file: str
    format: str
    model: str = ""
    recipe: str = ""
    part: str = ""

    @classmethod
    def of_artifact(cls, bundle: Bundle, artifact: Artifact) -> "Candidate":
        """Describe an artifact of a bundle."""
        manifest = bundle.manifest
        name = Path(artifact.path).name
        return cls(name, artifact.format, manifest.model, manifest.recipe, artifact.part)

    @classmethod
    def of_file(cls, path: Path) -> "Candidate":
        """Describe a bare file."""
        return cls(path.name, path.suffix.removeprefix("."))

    @property
    def name(self) -> str:
        """For people: `deep/int8 encoder.tflite`, or the file's name."""
        return f"{self.model}/{self.recipe} {self.file}" if self.model else self.file


@dataclass(frozen=True)
class BaselineFile:
    """What a candidate is compared with; its bytes are those that were saved.

    Attributes:
        label: for people: where it lies, as the user named that place.
        path: the artifact's file.
        root: its bundle's folder; None for a bare file.
        part: of its bundle; empty for a bare file.
        format: `tflite` or `onnx`.
        note: what a reader should know; empty where there is nothing.
    """

    label: str
    path: Path
    root: Path | None
    part: str
    format: str
    note: str = ""


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    Attributes:
        label: for people.
        place: a bundle's folder, or a bare file.
        bundle: None for a bare file.
    """

    label: str
    place: Path
    bundle: Bundle | None

    def check(self) -> record.Record | None:
        """Compare its bytes with its manifest and its record; return that record, if it has one.

        Raises:
            ManifestMismatch: a file is not the one that was saved, or not the manifest's.
            BadInput: the record is damaged.
        """
        known = record.read(record.record_path(self.place))
        if known is not None:
            record.check(self.place, known)
        if self.bundle is not None:
            with holding(self.bundle.root) as bundle:
                bundle.check()
        return known

    def is_of(self, candidate: Candidate) -> bool:
        """Whether it is the baseline of a candidate, among others."""
        if self.bundle is None:
            return not candidate.model and self.place.name == candidate.file
        manifest = self.bundle.manifest
        return (manifest.model, manifest.recipe) == (candidate.model, candidate.recipe)

    def file(self, candidate: Candidate) -> BaselineFile | None:
        """Return its file for a candidate, checked; None where it has no such part or format.

        Raises:
            ManifestMismatch: a file is not the one that was saved, or not the manifest's.
            BadInput: the record is damaged.
        """
        artifact = None if self.bundle is None else _artifact(self.bundle, candidate)
        if (self.bundle is None) != (artifact is None) or self._format(
            artifact
        ) != candidate.format:
            return None
        known = self.check()
        told = "" if known is None else record.note(known)
        if artifact is None:
            return BaselineFile(self.label, self.place, None, "", candidate.format, told)
        return BaselineFile(
            f"{self.label}/{artifact.path}",
            self.place / artifact.path,
            self.place,
            artifact.part,
            artifact.format,
            told,
        )

    def _format(self, artifact: Artifact | None) -> str:
        return artifact.format if artifact else self.place.suffix.removeprefix(".")


def _artifact(bundle: Bundle, candidate: Candidate) -> Artifact | None:
    """Return a bundle's artifact of a candidate's part and format; of a bare file's name."""
    for artifact in bundle.manifest.artifacts:
        if candidate.part:
            if (artifact.part, artifact.format) == (candidate.part, candidate.format):
                return artifact
        elif Path(artifact.path).name == candidate.file:
            return artifact
    return None


@dataclass(frozen=True)
class Baselines:
    """Everything that a user's `--baseline` holds.

    Attributes:
        spec: as the user gave it.
        items: by label; may be empty.
        named: the user named the only item itself: it is the baseline of any candidate.
    """

    spec: str
    items: tuple[Baseline, ...]
    named: bool = False

    def find(self, candidate: Candidate) -> BaselineFile | None:
        """Return a candidate's baseline; None where there is none.

        Raises:
            BadInput: there are several; or its record is damaged.
            ManifestMismatch: its bytes are not those that were saved.
        """
        mine = [item for item in self.items if self.named or item.is_of(candidate)]
        if len(mine) > 1:
            labels = " and ".join(item.label for item in mine)
            raise BadInput(f"{self.spec}: {candidate.name} has several baselines: {labels}")
        return mine[0].file(candidate) if mine else None

    def absence(self, candidate: Candidate) -> str:
        """Say in one line why `find` finds nothing, and what makes a baseline."""
        for item in self.items:
            if item.bundle is not None and (self.named or item.is_of(candidate)):
                return _lacking(item.label, item.bundle, candidate)
        held = ", ".join(item.label for item in self.items) or "nothing"
        return (
            f"{self.spec}: no baseline of {candidate.name} (there is: {held}); "
            "`edgeae baseline save` makes one"
        )


def _lacking(label: str, bundle: Bundle, candidate: Candidate) -> str:
    """Say what a baseline does not hold, and how to leave that out."""
    held = [f"{item.part}.{item.format}" for item in bundle.manifest.artifacts]
    others = sorted({item.format for item in bundle.manifest.artifacts} - {candidate.format})
    told = f"{label}: holds no {candidate.file} (it holds: {', '.join(held) or 'nothing'})"
    return f"{told}; --format {others[0]} compares that alone" if others else told


@contextlib.contextmanager
def resolve(spec: str, project: Path) -> Iterator[Baselines]:
    """Find the baselines that a user names, for the duration of a `with` block.

    A place that does not exist holds none.

    Args:
        spec: a bundle, a bare `.tflite` or `.onnx`, a folder of baselines, or `git:REF`.
        project: what a path is relative to, and whose repository `git:REF` is in.

    Raises:
        BadInput: the place is neither of these; there is no such ref, repository or git.
        NotMeasured: `bench/baselines` is not in that commit.
    """
    if not spec.startswith(_GIT):
        yield _at(spec, project / spec, spec)
        return
    with scratch() as folder:
        ref = spec.removeprefix(_GIT)
        committed.extract(ref, FOLDER, project, folder)
        yield _at(spec, folder, f"{spec}:{FOLDER}")


def _at(spec: str, place: Path, label: str) -> Baselines:
    """Return what a path holds; `label` is what people call the path."""
    if place.is_dir():
        if (place / MANIFEST).exists():
            return Baselines(spec, (Baseline(label, place, open_bundle(place)),), named=True)
        return Baselines(spec, tuple(sorted(_below(place, label), key=lambda item: item.label)))
    if place.suffix.removeprefix(".") not in FORMATS and place.exists():
        raise BadInput(
            f"{label}: allowed as a baseline is a bundle, a .tflite or .onnx file, a folder of "
            "them, or git:REF"
        )
    if not place.exists():
        return Baselines(spec, ())
    return Baselines(spec, (Baseline(label, place, None),), named=True)


def _below(folder: Path, label: str) -> Iterator[Baseline]:
    for path in folder.iterdir():
        if path.is_file() and path.suffix.removeprefix(".") in FORMATS:
            yield Baseline(f"{label.rstrip('/')}/{path.name}", path, None)
    try:
        bundles = find_bundles([folder])
    except NotMeasured:  # bare files alone, or nothing
        return
    for bundle in bundles:
        below = bundle.root.relative_to(folder).as_posix()
        yield Baseline(f"{label.rstrip('/')}/{below}", bundle.root, bundle)
