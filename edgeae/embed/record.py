"""The record of a model, from which every form of embedding is written."""

import hashlib
import re
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES, Bundle, holding
from edgeae.artifacts.manifest import Artifact
from edgeae.data import normalization_of
from edgeae.detect.result import read_detection
from edgeae.errors import BadInput, about
from edgeae.formats.opening import read_file
from edgeae.formats.tflite import graph as tflite
from edgeae.formats.tflite.graph import Graph
from edgeae.metrics.quantization import quantize
from edgeae.metrics.standardization import Standardization
from edgeae.recipe import REFERENCES
from edgeae.runtimes.inference import prepare
from edgeae.system import children

#: Random inputs of a bare file: enough to notice a swapped row of weights.
_BARE_GOLDEN = 8
_TIMEOUT_S = 60.0
#: LSB that kernels of a bare file may differ by: they round halves in either direction.
_ROUNDED_OTHERWISE = 1
#: Values that one byte of an image can have.
_BYTES = 256


@dataclass(frozen=True, eq=False)
class RecordPart:
    """One part of a record.

    Attributes:
        part: `encoder`, `decoder`, `autoencoder`, or `model` of a bare file.
        origin: its file, for errors.
        graph: the part's graph.
        content: its `.tflite`.
        sha256: hash of `content`.
        inputs, outputs: golden vectors, (n, …), in the part's element types; the outputs are those
            of LiteRT's reference kernels.
        pixels: (256,) the input integer for each byte of an image; None if the input is no image.
        levels: (256,) the real value of each byte, float32; None likewise, but not if it is float.
        columns_in, columns_out: the statistics that the columns of an image or a reconstruction
            are standardised by; None if they are not, or for a code.
    """

    part: str
    origin: str
    graph: Graph
    content: bytes
    sha256: str
    inputs: NDArray[Any]
    outputs: NDArray[Any]
    pixels: NDArray[Any] | None = None
    columns_in: Standardization | None = None
    columns_out: Standardization | None = None
    levels: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Package:
    """What package managers ask about a package; the same in every manifest of every form.

    Attributes:
        version: `major.minor.patch`, see semver.org.
        description: a sentence; empty stands for the record's own.
        license: an SPDX expression, or empty: no licence is stated, which permits nothing.
        author: name, or `name <mail>`.
        url: the project's page; empty if there is none.
    """

    version: str = "0.1.0"
    description: str = ""
    license: str = ""
    author: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{1,9}\.\d{1,9}\.\d{1,9}", self.version):
            raise BadInput(
                f"--package-version {self.version!r:.40}: allowed is major.minor.patch, as 1.0.0"
            )
        for key in ("description", "license", "author", "url"):
            if not getattr(self, key).isprintable():
                raise BadInput(f"--{key} {getattr(self, key)!r:.40}: allowed is one printable line")
        if not re.fullmatch(r"[A-Za-z0-9.+() -]*", self.license):
            raise BadInput(
                f"--license {self.license!r:.40}: allowed is an SPDX expression, as Apache-2.0"
            )
        if self.url and not re.fullmatch(r"https?://[^\s\"'<>]+", self.url):
            raise BadInput(f"--url {self.url!r:.60}: allowed is an address with http or https")


@dataclass(frozen=True, eq=False)
class Record:
    """A model that is to be embedded.

    Attributes:
        name: the model's name as an identifier, such as `deep`.
        title: what it is, such as `deep/int8`.
        head: lines that identify it: recipe, model and hash; no time and no path.
        parts: its parts, in the order of the data flow.
        contract: a number that is the same for parts that belong together.
        threshold: of the parts' score, see `Side.score_threshold`; None if `edgeae detect` did not
            choose one, or chose one of another score.
        package: what package managers ask.
        max_lsb: how far integers of LiteRT's other kernels may be from the golden vectors, in LSB.
    """

    name: str
    title: str
    head: tuple[str, ...]
    parts: tuple[RecordPart, ...]
    contract: int
    threshold: float | None = None
    package: Package = field(default_factory=Package)
    max_lsb: int = _ROUNDED_OTHERWISE

    @property
    def description(self) -> str:
        """A sentence about the package, without a dot at its end."""
        parts = " and ".join(item.part for item in self.parts if item.part != "autoencoder")
        return self.package.description or f"{self.title}: {parts or 'autoencoder'} by edgeae"

    @property
    def identity(self) -> int:
        """Hash of the parts' hashes, 32 bits: a device says with it which model it runs."""
        return zlib.crc32(" ".join(item.sha256 for item in self.parts).encode())

    def part_name(self, item: RecordPart) -> str:
        """Return the name of a part in the app's code, such as `deep_encoder`."""
        return self.name if item.part == "model" else f"{self.name}_{item.part}"


def read(
    path: Path,
    name: str | None = None,
    *,
    shown: Path | None = None,
    threshold: float | None = None,
    package: Package | None = None,
) -> Record:
    """Return the record of a bundle or of a `.tflite` file.

    Args:
        path: a bundle's folder, or a file.
        name: name of the model in the app's code; None takes the bundle's model, or the file's
            name, with `_` for what is no letter or digit.
        shown: the path that errors name; None for `path`.
        threshold: see `Record`.
        package: what package managers ask.

    Raises:
        BadInput: it is neither, or a damaged one.
        ManifestMismatch: a file of the bundle differs from its manifest.
    """
    shown = shown or path
    package = package or Package()
    if not path.is_dir():
        record = _of_file(path, _identifier(path.stem) if name is None else name, shown)
        return replace(record, package=package)
    with holding(path) as held:
        bundle = replace(held, shown=shown)
        record = _of_bundle(bundle, _identifier(bundle.manifest.model) if name is None else name)
    return replace(record, threshold=threshold, package=package)


def _identifier(text: str) -> str:
    plain = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower()
    return plain if plain[:1].isalpha() else f"model_{plain}"


def _of_bundle(bundle: Bundle, name: str) -> Record:
    manifest = bundle.manifest
    artifacts = [item for item in manifest.artifacts if item.format == "tflite"]
    if not artifacts:
        raise BadInput(f"{bundle.shown}: the bundle has no .tflite file")
    ordered = [item for part in bundle.parts for item in artifacts if item.part == part]
    return Record(
        name,
        bundle.name,
        (
            f"model {manifest.model}, weights {manifest.weights_sha256[:16]}",
            f"recipe {manifest.recipe}, {manifest.recipe_sha256[:16]}",
        ),
        tuple(_part(bundle, artifact) for artifact in ordered),
        zlib.crc32(f"{manifest.weights_sha256} {manifest.recipe_sha256}".encode()),
        max_lsb=manifest.tolerance.max_lsb,
    )


def threshold_of(bundle: Bundle) -> float | None:
    """Return the threshold on the reference kernels, whose answers are those of the C.

    Raises:
        BadInput: the bundle's `detect.json` is damaged.
    """
    found = read_detection(bundle)
    runtime = REFERENCES["tflite"]
    sides = found.sides if found else ()
    mine = (side for side in sides if (side.format, side.runtime) == ("tflite", runtime))
    return next((side.score_threshold for side in mine), None)


def _part(bundle: Bundle, artifact: Artifact) -> RecordPart:
    content = bundle.read(artifact)
    with about(bundle.shown / artifact.path):
        graph = tflite.read(content, str(bundle.shown / artifact.path))
    source, target = EDGES[artifact.part]
    image = source == "image"
    columns, levels, affine = (
        bundle.manifest.standardization,
        _levels(bundle),
        artifact.input.affine,
    )
    given = bundle.golden("image" if image else "encoder")
    inputs = prepare(artifact, given) if image else given
    return RecordPart(
        artifact.part,
        str(bundle.shown / artifact.path),
        graph,
        content,
        artifact.sha256,
        inputs,
        bundle.golden(artifact.part),
        quantize(levels, affine) if image and levels is not None and affine else None,
        columns if image else None,
        columns if target != "code" else None,
        levels if image else None,
    )


def _levels(bundle: Bundle) -> NDArray[np.float32] | None:
    normalization = normalization_of(bundle.manifest)
    if normalization.scale == 1.0:
        return None  # rows of numbers that are no pixels
    return normalization.real(np.arange(_BYTES, dtype=np.uint8))


def _of_file(path: Path, name: str, shown: Path) -> Record:
    content, form = read_file(path)
    if form != "tflite":
        raise BadInput(f"{shown}: a model in {form}; allowed are a bundle or a .tflite file")
    graph = tflite.read(content, str(shown))
    sha256 = hashlib.sha256(content).hexdigest()
    with about(shown):
        answers = _reference(path)
    edges = answers["inputs"], answers["outputs"]
    part = RecordPart("model", str(shown), graph, content, sha256, *edges)
    return Record(name, path.name, (f"{path.name}, {sha256[:16]}",), (part,), zlib.crc32(content))


def _reference(path: Path) -> dict[str, NDArray[Any]]:
    """Return random inputs and the reference kernels' outputs, from a child that may crash."""
    (report,) = children.run(
        "edgeae.embed.reference_child", {"path": str(path), "n": _BARE_GOLDEN}, timeout_s=_TIMEOUT_S
    )
    return {
        key: np.array(report[key], report[f"{key}_dtype"]).reshape(report[f"{key}_shape"])
        for key in ("inputs", "outputs")
    }
