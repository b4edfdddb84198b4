"""A bundle: all artifacts of one model under one recipe, with manifest and golden vectors.

A manifest never changes after export; what a machine finds out later goes to `verify.json`.
"""

import gzip
import hashlib
import io
import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.loss import Loss
from edgeae.manifest import SCHEMA, Artifact, Code, Manifest, OpVersion, TensorSpec
from edgeae.recipe import AS_IS, PARTS, REFERENCES
from edgeae.typed_json import rebuild

__all__ = [
    "EDGES",
    "MANIFEST",
    "SCHEMA",
    "STORE",
    "Artifact",
    "Bundle",
    "Code",
    "Loss",
    "Manifest",
    "OpVersion",
    "TensorSpec",
    "find_bundles",
    "gzip_size",
    "npy_bytes",
    "open_bundle",
]

MANIFEST = "manifest.json"
#: Below a model's folder, where finished bundles lie; `<recipe>` beside it is a link to one.
STORE = ".bundles"
#: What goes into each part and what comes out: the names of its signature.
EDGES = {
    "encoder": ("image", "code"),
    "decoder": ("code", "reconstruction"),
    "autoencoder": ("image", "reconstruction"),
}


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        root: its folder.
        manifest: what it says of itself.
        sha256: of the manifest's file, as it was read: what findings about a bundle name it by.
    """

    root: Path
    manifest: Manifest
    sha256: str

    @property
    def name(self) -> str:
        """`model/recipe`, as people say it."""
        return f"{self.manifest.model}/{self.manifest.recipe}"

    @property
    def model_folder(self) -> Path:
        """Where the original lies, if it was not left behind."""
        parent = self.root.absolute().parent
        return parent.parent if parent.name == STORE else parent

    @property
    def as_is(self) -> bool:
        """Whether it holds imported files: its artifacts are their own original."""
        return self.manifest.recipe == AS_IS

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that it holds, in the order in which data flows."""
        held = {artifact.part for artifact in self.manifest.artifacts}
        return tuple(part for part in PARTS if part in held)

    @property
    def format(self) -> str:
        """The format of the artifacts that the golden vectors are of: `tflite` where there is."""
        held = {artifact.format for artifact in self.manifest.artifacts}
        return next((form for form in REFERENCES if form in held), "tflite")

    @property
    def reference(self) -> str:
        """The runtime whose answers all parity of integers, and of a bundle as is, refers to."""
        return REFERENCES[self.format]

    def check(self) -> None:
        """Read everything that the manifest names.

        Raises:
            ManifestMismatch: a file is missing, or is not what the manifest describes.
        """
        for artifact in self.manifest.artifacts:
            self.read(artifact)
        for name in self.manifest.golden["sha256"]:
            self.golden(name)

    def artifact(self, part: str, format: str = "tflite") -> Artifact:
        """Return the artifact of a part.

        Raises:
            BadInput: the recipe did not make that one.
        """
        for artifact in self.manifest.artifacts:
            if (artifact.part, artifact.format) == (part, format):
                return artifact
        raise BadInput(f"{self.root}: holds no {part}.{format}")

    def read(self, artifact: Artifact) -> bytes:
        """Return an artifact's bytes.

        Raises:
            ManifestMismatch: the file is missing, or is not what the manifest describes.
        """
        return _checked(self.root / artifact.path, artifact.sha256)

    def golden(self, name: str) -> NDArray[Any]:
        """Return a golden array; its first axis counts the images.

        `image`, `code` and `reconstruction` are float32, the original's; `encoder`, `decoder` and
        `autoencoder` are what that part's artifact gave in the bundle's reference runtime, in its
        own element type, the decoder fed with `encoder`. As is, `code` and `reconstruction` are
        real values of these; what the bundle's parts do not give is missing.

        Raises:
            ManifestMismatch: the file is missing, or is not what the manifest describes.
        """
        known: Mapping[str, str] = self.manifest.golden["sha256"]
        content = _checked(self.root / "golden" / f"{name}.npy", known.get(name, "no such golden"))
        return typing.cast(NDArray[Any], np.load(io.BytesIO(content), allow_pickle=False))


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ManifestMismatch(
            f"{path}: in the manifest but not readable ({error.strerror})"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ManifestMismatch(f"{path}: sha256 {found[:12]}…, its manifest says {sha256[:12]}…")
    return content


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Return the bytes of an `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def gzip_size(content: bytes) -> int:
    """Bytes after `gzip -9`."""
    return len(gzip.compress(content, 9, mtime=0))


def open_bundle(path: Path) -> Bundle:
    """Open the bundle in a folder.

    Raises:
        BadInput: there is none, or its manifest cannot be read by this version of edgeae.
    """
    file = path / MANIFEST
    try:
        content = file.read_bytes()
        table = json.loads(content.decode())
    except FileNotFoundError:
        raise BadInput(f"{path}: not a bundle (no {MANIFEST}); `edgeae export` makes one") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: not readable: {error}") from None
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        found = table.get("schema") if isinstance(table, dict) else None
        raise BadInput(f"{file}: schema = {found!r}: this edgeae reads schema {SCHEMA}")
    try:
        manifest = rebuild(Manifest, table)
    except (TypeError, ValueError, BadInput) as error:
        raise BadInput(f"{file}: damaged manifest: {error}") from None
    return Bundle(path, manifest, hashlib.sha256(content).hexdigest())


def find_bundles(places: list[Path]) -> list[Bundle]:
    """Return the bundles at or below the given folders, by name.

    Raises:
        BadInput: a place does not exist.
        NotMeasured: there is no bundle at any of them.
    """
    seen: set[Path] = set()
    found = [path for place in places for path in _manifests(place, seen)]
    if not found:
        listing = ", ".join(str(place) for place in places)
        raise NotMeasured(f"no bundle at or below {listing}; `edgeae export` makes them")
    return sorted((open_bundle(path) for path in found), key=lambda bundle: bundle.name)


def _manifests(place: Path, seen: set[Path]) -> Iterator[Path]:
    if not place.is_dir():
        raise BadInput(f"{place}: no such folder")
    resolved = place.resolve()
    if resolved in seen:  # a place named twice, or a link that leads back up
        return
    seen.add(resolved)
    if (place / MANIFEST).exists():
        yield place
        return
    for path in sorted(place.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield from _manifests(path, seen)
