"""A bundle: all artifacts of one model under one recipe, with manifest and golden vectors.

Schema of `manifest.json`, its history:
1   the first. A bundle of imported files (recipe `as-is`) may have no `loss` and no `code`.

A manifest never changes after export; what a machine finds out later goes to `verify.json`.
"""

import gzip
import hashlib
import io
import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.quantization import Affine
from edgeae.recipe import AS_IS, PARTS, REFERENCES, Tolerance
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

SCHEMA = 1
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
class TensorSpec:
    """An input or output of an artifact: what a caller must provide or will get.

    Attributes:
        name: in the signature.
        shape: the batch first: 1, or `batch` where it is free.
        dtype: numpy's name.
        scale, zero_point: of an integer tensor; of the one behind a float edge of an integer
            artifact; None for plain floats.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None

    @property
    def affine(self) -> Affine | None:
        """What the caller's integers stand for; None when the caller's values are floats."""
        return None if self.dtype == "float32" else self.grid

    @property
    def grid(self) -> Affine | None:
        """The steps that the values lie on, also behind a float edge; None for plain floats."""
        if self.scale is None or self.zero_point is None:
            return None
        # a float edge does not tell how wide the integers behind it are: the widest hold them all
        dtype = "int16" if self.dtype == "float32" else self.dtype
        return Affine(self.scale, self.zero_point, dtype)

    @property
    def values(self) -> tuple[int, ...]:
        """Shape of one example, without the batch dimension."""
        return tuple(int(size) for size in self.shape[1:])


@dataclass(frozen=True)
class OpVersion:
    """An operator an artifact needs, with the version of its semantics."""

    name: str
    version: int
    count: int


@dataclass(frozen=True)
class Artifact:
    """One exported file.

    Attributes:
        part: `encoder`, `decoder` or `autoencoder`.
        format: `tflite` or `onnx`.
        flavour: `float32`, `float16`, `dynamic`, `int8`; of ONNX files `fp32` or `qdq`.
        path: relative to the bundle.
        sha256, bytes, gzip_bytes: of the file; gzip at level 9.
        inputs, outputs: tensors by signature name.
        ops: operators with versions.
        minimum_runtime: the oldest TFLite runtime that opens it, or the ONNX opset.
        macs: multiply-accumulates of one inference.
        sparsity: weight tensor → share of zeros.
        parent: path of the artifact that this one was made from, or None.
    """

    part: str
    format: str
    flavour: str
    path: str
    sha256: str
    bytes: int
    gzip_bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    ops: tuple[OpVersion, ...]
    minimum_runtime: str
    macs: int
    sparsity: dict[str, float]
    parent: str | None = None

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Artifact":
        """Rebuild a description from what JSON made of its `asdict`."""
        return typing.cast("Artifact", rebuild(cls, table))

    @property
    def convolves(self) -> bool:
        """Whether one of its operators is a convolution."""
        return any("conv" in item.name.lower() for item in self.ops)

    @property
    def input(self) -> TensorSpec:
        """The only input."""
        return self.inputs[0]

    @property
    def output(self) -> TensorSpec:
        """The only output."""
        return self.outputs[0]


@dataclass(frozen=True)
class Loss:
    """MSE of the whole autoencoder on the test images.

    Attributes:
        float32: of the original; of a bundle as is, which has none, `exported` itself.
        control: of the original trained for as many more steps as the recipe fine-tuned; or None.
        exported: of the exported `.tflite`, on the reference kernels; as is, on the bundle's
            reference.
        added: exported − float32.
        ratio: exported ÷ float32; None if the original's loss is 0.
        control_ratio: exported ÷ control; or None.
    """

    float32: float
    control: float | None
    exported: float
    added: float
    ratio: float | None
    control_ratio: float | None

    @classmethod
    def of(cls, float32: float, exported: float, control: float | None) -> "Loss":
        """Derive the differences and ratios."""
        return cls(
            float32,
            control,
            exported,
            exported - float32,
            exported / float32 if float32 else None,
            exported / control if control else None,
        )


@dataclass(frozen=True)
class Code:
    """The contract between encoder and decoder: the encoder's output, as exported.

    Attributes:
        size: how many values.
        scale, zero_point: of an integer code; None for floats.
        min, max: real range over the test images.
    """

    size: int
    scale: float | None
    zero_point: int | None
    min: float
    max: float

    @classmethod
    def of(cls, spec: TensorSpec, codes: NDArray[np.float32]) -> "Code":
        """Describe the code by the encoder's output and by real codes, (n, …)."""
        least, most = float(codes.min()), float(codes.max())
        return cls(int(codes[0].size), spec.scale, spec.zero_point, least, most)


@dataclass(frozen=True)
class Manifest:
    """Everything about a bundle that its users need to know. See the module's docstring.

    Attributes:
        schema: version of this layout.
        model, recipe: names.
        recipe_sha256: of the recipe's content (`Recipe.sha256`).
        weights_sha256: the model's identity: hash of its weights' names, shapes and bytes; as is,
            of its artifacts' hashes.
        tools: package → version that made the bundle.
        dataset: `name`, `sha256`, `n`, the number of test images, and `span`, the largest real
            value less the least.
        normalization: real = stored × `scale` + `offset`, from the dataset's stored values.
        representative: `n`, `seed` and `sha256` of the calibration images' indices; or None.
        loss: see `Loss`; None of an encoder alone.
        code: see `Code`; None where there is no encoder.
        tolerance: the recipe's; what verify accepts.
        golden: `n`, and the sha256 of each golden file.
        artifacts: see `Artifact`.
    """

    schema: int
    model: str
    recipe: str
    recipe_sha256: str
    weights_sha256: str
    tools: dict[str, str]
    dataset: dict[str, Any]
    normalization: dict[str, float]
    representative: dict[str, Any] | None
    loss: Loss | None
    code: Code | None
    tolerance: Tolerance
    golden: dict[str, Any]
    artifacts: tuple[Artifact, ...]

    def __post_init__(self) -> None:
        for key in ("loss", "code"):
            if getattr(self, key) is None and self.recipe != AS_IS:
                raise ValueError(f"{key} is null: allowed with the recipe {AS_IS} alone")

    @property
    def span(self) -> float:
        """The range of the values that are reconstructed; 1 for pixels."""
        return float(self.dataset.get("span", 1.0))

    @property
    def sha256(self) -> str:
        """Hash of the file's text: what findings about a bundle name it by."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the file's text; the same manifest gives the same text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk."""

    root: Path
    manifest: Manifest

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
        table = json.loads(file.read_text())
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
    return Bundle(path, manifest)


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
