"""Find the baselines that a user names, and the baseline of a candidate.

A user names a bundle, a bare `.tflite` or `.onnx`, a folder of both, or `git:REF`, which is the
folder `bench/baselines` as committed at REF.
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

#: A project's folder of baselines.
FOLDER = "bench/baselines"
#: Formats of bare files, which are also their suffixes.
FORMATS = ("tflite", "onnx")
_GIT = "git:"


@dataclass(frozen=True)
class Candidate:
    """The key by which a candidate's baseline is found.

    Attributes:
        file: the artifact's file name.
        format: `tflite` or `onnx`.
        model, recipe, part: names of a bundle's artifact; empty for a bare file.
    """

    file: str
    format: str
    model: str = ""
    recipe: str = ""
    part: str = ""

    @classmethod
    def of_artifact(cls, bundle: Bundle, artifact: Artifact) -> "Candidate":
        """Return the key of an artifact of a bundle."""
        manifest = bundle.manifest
        name = Path(artifact.path).name
        return cls(name, artifact.format, manifest.model, manifest.recipe, artifact.part)

    @classmethod
    def of_file(cls, path: Path) -> "Candidate":
        """Return the key of a bare file."""
        return cls(path.name, path.suffix.removeprefix("."))

    @property
    def name(self) -> str:
        """Display name: `deep/int8 encoder.tflite`, or the file's name."""
        return f"{self.model}/{self.recipe} {self.file}" if self.model else self.file


@dataclass(frozen=True)
class BaselineFile:
    """The file that a candidate is compared with; its bytes were checked against its record.

    Attributes:
        label: display name: the file's place, in the user's words.
        path: the artifact's file.
        bundle, artifact: the bundle, and the file's description; None for a bare file.
        note: a note for the reader; empty without one.
    """

    label: str
    path: Path
    bundle: Bundle | None = None
    artifact: Artifact | None = None
    note: str = ""


@dataclass(frozen=True)
class Baseline:
    """One baseline: a bundle or a bare file.

    Attributes:
        label: display name.
        place: a bundle's folder, or a bare file.
        bundle: the bundle; None for a bare file.
    """

    label: str
    place: Path
    bundle: Bundle | None

    def check(self) -> record.Record | None:
        """Compare the bytes with manifest and record; return the record, or None without one.

        Raises:
            ManifestMismatch: a file is not the one that was saved, or not the manifest's.
            BadInput: the record is damaged.
        """
        saved = record.read(record.record_path(self.place))
        if saved is not None:
            record.check(self.place, saved)
        if self.bundle is not None:
            with holding(self.bundle.root) as bundle:
                bundle.check()
        return saved

    def is_of(self, candidate: Candidate) -> bool:
        """Return whether this is a candidate's baseline: the names match."""
        if self.bundle is None:
            return not candidate.model and self.place.name == candidate.file
        manifest = self.bundle.manifest
        return (manifest.model, manifest.recipe) == (candidate.model, candidate.recipe)

    def file(self, candidate: Candidate) -> BaselineFile | None:
        """Return the checked file for a candidate; None if the part or format is missing.

        Raises:
            ManifestMismatch: a file is not the one that was saved, or not the manifest's.
            BadInput: the record is damaged.
        """
        artifact = None if self.bundle is None else _artifact(self.bundle, candidate)
        if (self.bundle is None) != (artifact is None) or self._format(
            artifact
        ) != candidate.format:
            return None
        saved = self.check()
        note = "" if saved is None else record.note(saved)
        if artifact is None:
            return BaselineFile(self.label, self.place, note=note)
        path = self.place / artifact.path
        return BaselineFile(f"{self.label}/{artifact.path}", path, self.bundle, artifact, note)

    def _format(self, artifact: Artifact | None) -> str:
        return artifact.format if artifact else self.place.suffix.removeprefix(".")


def _artifact(bundle: Bundle, candidate: Candidate) -> Artifact | None:
    """Return the artifact with the candidate's part and format, or with a bare file's name."""
    for artifact in bundle.manifest.artifacts:
        if candidate.part:
            if (artifact.part, artifact.format) == (candidate.part, candidate.format):
                return artifact
        elif Path(artifact.path).name == candidate.file:
            return artifact
    return None


@dataclass(frozen=True)
class Baselines:
    """All baselines that a user's `--baseline` holds.

    Attributes:
        spec: the user's words.
        items: the baselines, in the order of their labels; may be empty.
        named: whether the user named the only item itself, so that it is the baseline of every
            candidate.
    """

    spec: str
    items: tuple[Baseline, ...]
    named: bool = False

    def find(self, candidate: Candidate) -> BaselineFile | None:
        """Return a candidate's baseline; None if it is missing.

        Raises:
            BadInput: there are several baselines, or the baseline's record is damaged.
            ManifestMismatch: the baseline's bytes are not those that were saved.
        """
        mine = [item for item in self.items if self.named or item.is_of(candidate)]
        if len(mine) > 1:
            labels = " and ".join(item.label for item in mine)
            raise BadInput(f"{self.spec}: {candidate.name} has several baselines: {labels}")
        return mine[0].file(candidate) if mine else None

    def absence(self, candidate: Candidate) -> str:
        """Return one line with the reason why `find` returns None, and how to make a baseline."""
        for item in self.items:
            if item.bundle is not None and (self.named or item.is_of(candidate)):
                return _lacking(item.label, item.bundle, candidate)
        held = ", ".join(item.label for item in self.items) or "nothing"
        return (
            f"{self.spec}: no baseline of {candidate.name} (there is: {held}); "
            "`edgeae baseline save` makes one"
        )


def _lacking(label: str, bundle: Bundle, candidate: Candidate) -> str:
    """Return one line with the file that a baseline lacks, and how to leave that file out."""
    held = [f"{item.part}.{item.format}" for item in bundle.manifest.artifacts]
    others = sorted({item.format for item in bundle.manifest.artifacts} - {candidate.format})
    reason = f"{label}: holds no {candidate.file} (it holds: {', '.join(held) or 'nothing'})"
    return f"{reason}; --format {others[0]} compares only that format" if others else reason


@contextlib.contextmanager
def resolve(spec: str, project: Path) -> Iterator[Baselines]:
    """Find the baselines that a user names, for the duration of a `with` block.

    A place that does not exist holds no baselines.

    Args:
        spec: a bundle, a bare `.tflite` or `.onnx`, a folder of baselines, or `git:REF`.
        project: the folder that paths are relative to, in the repository of `git:REF`.

    Raises:
        BadInput: the place is none of these; or git, the repository or the ref is missing.
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
    """Return the baselines at a path; `label` is the path's display name."""
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
    except NotMeasured:  # the folder holds only bare files, or nothing
        return
    for bundle in bundles:
        below = bundle.root.relative_to(folder).as_posix()
        yield Baseline(f"{label.rstrip('/')}/{below}", bundle.root, bundle)
