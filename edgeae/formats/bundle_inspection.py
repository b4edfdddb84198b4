"""Inspection of a bundle: the raw, gzip and packed size and the MACs of each of its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import open_bundle
from edgeae.formats.inspection import ESTIMATE, Inspection, inspect, sections

_BYTES = ("", "raw", "gzip", "packed", "MACs", "nonzero MACs")


@dataclass(frozen=True)
class BundleInspection:
    """The inspections of a bundle's files.

    Attributes:
        path: the bundle's folder, as given.
        name: `model/recipe`.
        artifacts: one inspection per artifact, in the manifest's order.
    """

    path: str
    name: str
    artifacts: tuple[Inspection, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as lists, dicts, strings and numbers."""
        artifacts = [item.to_json() for item in self.artifacts]
        return {"path": self.path, "name": self.name, "artifacts": artifacts}

    def to_text(self) -> str:
        """Return the inspection as text: aligned, without colour or a final line break."""
        packed = [item for item in self.artifacts if item.packed is not None]
        estimate = ESTIMATE * any(item.estimated for item in packed)
        return sections(
            (f"{self.path}: {self.name}", self._bytes_rows(), 1),
            ("raw bytes by cause", _by_cause(self.artifacts, "size_by_cause"), 1),
            (f"packed bytes by cause{estimate}", _by_cause(packed, "packed"), 1),
            ("packed weights", self._encoding_rows(), 3),
        )

    def _bytes_rows(self) -> list[tuple[str, ...]]:
        rows = [
            (
                _file(item),
                *map(_count, (item.bytes, item.gzip_bytes, item.packed_bytes)),
                *map(_count, (item.macs, item.nonzero_macs)),
            )
            for item in self.artifacts
        ]
        return [_BYTES, *rows]

    def _encoding_rows(self) -> list[tuple[str, ...]]:
        whole = [item for item in self.artifacts if _file(item) == "autoencoder.tflite"]
        return [
            (_file(item), row.name, row.encoding, f"{row.bytes:,}")
            for item in whole or self.artifacts  # encoder and decoder have the same tensors
            for row in item.encodings
        ]


def inspect_bundle(path: Path) -> BundleInspection:
    """Return the inspection of the bundle in a folder.

    Raises:
        BadInput: the folder has no bundle, or edgeae cannot read one of the bundle's files.
        ManifestMismatch: a file is missing, or differs from the manifest.
        RuntimeUnavailable: the bundle has ONNX files, and the `onnx` package is not installed.
    """
    bundle = open_bundle(path)
    for item in bundle.manifest.artifacts:
        bundle.read(item)
    inspections = tuple(inspect(path / item.path) for item in bundle.manifest.artifacts)
    return BundleInspection(str(path), bundle.name, inspections)


def _by_cause(inspections: Sequence[Inspection], key: str) -> list[tuple[str, ...]]:
    if not inspections:
        return []
    sizes: list[dict[str, int]] = [getattr(item, key) for item in inspections]
    rows = [
        (_file(item), *map(_count, held.values()))
        for item, held in zip(inspections, sizes, strict=True)
    ]
    return [("", *sizes[0]), *rows]


def _file(item: Inspection) -> str:
    return Path(item.path).name


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
