"""A bundle: all artifacts of one model under one recipe, with manifest and golden vectors.

A manifest never changes after export; findings of later runs are in `verify.json`.
"""

import contextlib
import gzip
import hashlib
import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import (
    SCHEMA,
    Artifact,
    Manifest,
    TensorSpec,
)
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, about
from edgeae.reading import files, typed
from edgeae.reading.arrays import parse_npy
from edgeae.reading.parsing import parse_json
from edgeae.recipe import AS_IS, PARTS, REFERENCES
from edgeae.system.holding import held

MANIFEST = "manifest.json"
#: Folder of finished bundles in a model's folder; `<recipe>` beside it links to one of them.
STORE = ".bundles"
#: Bytes of numpy's widest number; most bytes of an `.npy` file's header.
_WIDEST, _NPY_BYTES = 16, 1 << 16
#: Part → the signature names of its input and its output.
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
        manifest: its manifest.
        sha256: hash of the manifest's file as it was read; findings identify the bundle by it.
        shown: the path that users know: the folder, or the link to it.
    """

    root: Path
    manifest: Manifest
    sha256: str
    shown: Path

    @property
    def name(self) -> str:
        """`model/recipe`, the bundle's name for users."""
        return f"{self.manifest.model}/{self.manifest.recipe}"

    @property
    def model_folder(self) -> Path:
        """The folder of the original; the original is missing if only the bundle was copied."""
        parent = self.root.absolute().parent
        return parent.parent if parent.name == STORE else parent

    @property
    def as_is(self) -> bool:
        """Whether the bundle contains imported files; its artifacts are then the original."""
        return self.manifest.recipe == AS_IS

    @property
    def parts(self) -> tuple[str, ...]:
        """The bundle's parts, in the order of the data flow."""
        held = {artifact.part for artifact in self.manifest.artifacts}
        return tuple(part for part in PARTS if part in held)

    @property
    def files(self) -> tuple[str, ...]:
        """The manifest and all files that it names, as paths below the root."""
        names = [artifact.path for artifact in self.manifest.artifacts]
        return (MANIFEST, *names, *(f"golden/{name}.npy" for name in self.manifest.golden.sha256))

    @property
    def format(self) -> str:
        """The format of the artifacts that made the golden vectors; `tflite` if there are both."""
        held = {artifact.format for artifact in self.manifest.artifacts}
        return next((form for form in REFERENCES if form in held), "tflite")

    @property
    def reference(self) -> str:
        """The runtime whose outputs are the parity reference of integer and imported artifacts."""
        return REFERENCES[self.format]

    def check(self) -> None:
        """Check every file that the manifest names.

        Raises:
            ManifestMismatch: a file is missing, or it differs from the manifest's description.
        """
        for artifact in self.manifest.artifacts:
            with self._opened(artifact.path, artifact.bytes) as stream:
                self._check_hash(artifact.path, stream, artifact.sha256)
        for name in self.manifest.golden.sha256:
            self.golden(name)

    @property
    def is_current(self) -> bool:
        """Whether `shown` still leads to this bundle's folder; a newer export replaces it."""
        shown = self.shown.stat() if self.shown.exists() else None
        return shown is not None and os.path.samestat(shown, self.root.stat())

    def artifact(self, part: str, format: str = "tflite") -> Artifact:
        """Return the artifact of a part.

        Raises:
            BadInput: the bundle has no such artifact.
        """
        for artifact in self.manifest.artifacts:
            if (artifact.part, artifact.format) == (part, format):
                return artifact
        raise BadInput(f"{self.shown}: the bundle has no {part}.{format}")

    def read(self, artifact: Artifact) -> bytes:
        """Return an artifact's bytes.

        Raises:
            ManifestMismatch: the file is missing, or it differs from the manifest's description.
        """
        return self._checked(artifact.path, artifact.sha256, artifact.bytes)

    def golden(self, name: str) -> NDArray[Any]:
        """Return a golden array, (n, …), n the number of images.

        `image`, `code` and `reconstruction` are the original's arrays, float32. `encoder`,
        `decoder` and `autoencoder` are the outputs of that part's artifact in the bundle's
        reference runtime, in the artifact's element type; the decoder's input is `encoder`. In a
        bundle of imported files, `code` and `reconstruction` are the real values of the artifacts'
        outputs; an array is missing if no part of the bundle computes it.

        Raises:
            ManifestMismatch: the file is missing, or it differs from the manifest's description.
            BadInput: the bundle lacks the artifact that computes the array.
        """
        place = f"golden/{name}.npy"
        hashes = self.manifest.golden.sha256
        if name not in hashes:
            raise ManifestMismatch(f"{self.shown / place}: the manifest does not name this file")
        content = self._checked(place, hashes[name], self._most_bytes(name))
        try:
            array = parse_npy(content, str(self.shown / place))
        except BadInput as error:
            raise ManifestMismatch(str(error)) from None
        wrong = self._wrong(name, array)
        if wrong:
            raise ManifestMismatch(f"{self.shown / place}: {wrong}")
        return array

    def _wrong(self, name: str, array: NDArray[Any]) -> str:
        """Return why an array cannot be the golden array `name`; an empty string if it can."""
        n, own, spec = self.manifest.golden.n, name in EDGES, self._spec(name)
        if spec is None:
            return ""  # edgeae never reads an array of that name
        shape, dtype = (n, *spec.values), spec.dtype if own else "float32"
        # arrays of the original may be flat although the artifact's shape is not
        fits = array.shape == shape if own else _rows(array) == (n, math.prod(spec.values))
        if array.dtype != dtype or not fits:
            return f"{array.dtype} {array.shape}, but the manifest describes {dtype} {shape}"
        return "" if np.isfinite(array).all() else "contains NaN or infinity"

    def _spec(self, name: str) -> TensorSpec | None:
        """Return the spec of the input or output whose values the golden array `name` contains."""
        if name in EDGES:
            return self.artifact(name, self.format).output
        for part in self.parts:
            artifact = self.artifact(part, self.format)
            edges = zip(EDGES[part], (artifact.input, artifact.output), strict=True)
            for edge, spec in edges:
                if edge == name:
                    return spec
        return None

    def _most_bytes(self, name: str) -> int:
        """Return the most bytes that the file of the golden array `name` may have."""
        spec = self._spec(name)
        values = 0 if spec is None else self.manifest.golden.n * math.prod(spec.values)
        return min(files.MODEL_BYTES, _WIDEST * values + _NPY_BYTES)

    def _checked(self, name: str, sha256: str, most: int) -> bytes:
        with self._opened(name, most) as stream:
            if os.fstat(stream.fileno()).st_size >= files.LARGE_BYTES:
                self._check_hash(name, stream, sha256)  # before gigabytes are in memory
                stream.seek(0)
            content = stream.read(most + 1)
        self._check_hash(name, io.BytesIO(content), sha256)
        return content

    @contextlib.contextmanager
    def _opened(self, name: str, most: int) -> Iterator[BufferedReader]:
        """Open a file that the manifest names."""
        try:
            with files.open_inside(self.root, name, min(most, files.MODEL_BYTES)) as stream:
                yield stream
        except BadInput as error:
            place = self.shown / name
            raise ManifestMismatch(f"{place}: named in the manifest but refused: {error}") from None
        except OSError as error:
            raise ManifestMismatch(
                f"{self.shown / name}: named in the manifest but not readable ({error.strerror})"
            ) from None

    def _check_hash(self, name: str, stream: io.BufferedIOBase, expected: str) -> None:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
        if actual != expected:
            difference = f"sha256 {actual[:12]}…, but the manifest names {expected[:12]}…"
            raise ManifestMismatch(f"{self.shown / name}: {difference}")


def _rows(array: NDArray[Any]) -> tuple[int, int]:
    """Return the number of examples of an array, and the number of values of each example."""
    return (len(array), math.prod(array.shape[1:])) if array.ndim else (0, 1)


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Return the bytes of an `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def gzip_size(content: bytes) -> int:
    """Return the number of bytes after `gzip -9`."""
    return len(gzip.compress(content, 9, mtime=0))


def open_bundle(path: Path) -> Bundle:
    """Open the bundle in a folder; only the manifest is read.

    A later export deletes the bundle's files; `holding` keeps them.

    Raises:
        BadInput: the folder is no bundle, or this version of edgeae cannot read its manifest.
    """
    with holding(path) as bundle:
        return replace(bundle, root=path)


@contextlib.contextmanager
def holding(path: Path) -> Iterator[Bundle]:
    """Open the bundle in a folder, and keep its files for the duration of a `with` block.

    Args:
        path: the bundle's folder, or the link to it.

    Yields:
        the current bundle; its root is the folder, not the link.

    Raises:
        BadInput: the folder is no bundle, or this version of edgeae cannot read its manifest.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(held(path))
            content = _text(folder / MANIFEST, path / MANIFEST)
        except (FileNotFoundError, NotADirectoryError):
            raise BadInput(
                f"{path}: not a bundle (no {MANIFEST}); `edgeae export` makes one"
            ) from None
        except OSError as error:
            raise BadInput(f"{path / MANIFEST}: not readable: {error.strerror}") from None
        manifest = _manifest(content, str(path / MANIFEST))
        yield Bundle(folder, manifest, hashlib.sha256(content).hexdigest(), path)


def _text(file: Path, shown: Path) -> bytes:
    """Read a text file; errors contain the path `shown`."""
    try:
        return files.read(file, files.TEXT_BYTES)
    except BadInput as error:
        raise BadInput(str(error).replace(str(file), str(shown))) from None


def _manifest(content: bytes, origin: str) -> Manifest:
    with about(origin):
        table = typed.check_schema(parse_json(content, origin), SCHEMA)
    with about(f"{origin}: damaged manifest"):
        return typed.build(Manifest, table)


def find_bundles(places: list[Path]) -> list[Bundle]:
    """Return the bundles at or below the given folders, by name.

    Raises:
        BadInput: a folder does not exist.
        NotMeasured: there is no bundle at or below any of the folders.
    """
    seen: set[Path] = set()
    paths = [path for place in places for path in _manifests(place, seen)]
    if not paths:
        listing = ", ".join(str(place) for place in places)
        raise NotMeasured(f"no bundle at or below {listing}; `edgeae export` makes them")
    return sorted((open_bundle(path) for path in paths), key=lambda bundle: bundle.name)


def _manifests(place: Path, seen: set[Path]) -> Iterator[Path]:
    if not place.is_dir():
        raise BadInput(f"{place}: no such folder")
    resolved = place.resolve()
    if resolved in seen:  # a folder named twice, or a link to a folder above
        return
    seen.add(resolved)
    with held(place) as folder:  # an export that ends meanwhile deletes the old bundle
        if (folder / MANIFEST).exists():
            yield place
            return
    for path in sorted(place.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield from _manifests(path, seen)
