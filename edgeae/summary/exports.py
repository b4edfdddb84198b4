"""The exports of a build: their manifests and the findings of `verify.json`."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from edgeae.artifacts import cautions
from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Artifact, Manifest
from edgeae.errors import BadInput
from edgeae.metrics.loss import Loss
from edgeae.recipe import base_name, from_table
from edgeae.recipe.listing import as_json
from edgeae.verify.findings import read_findings
from edgeae.verify.rows import Composition, Row

#: Verdicts of rows, the worst first; a group of rows has the verdict of its worst row.
_WORST_FIRST = ("crashed", "fail", "pass", "unavailable")


@dataclass(frozen=True)
class File:
    """One artifact: the part of its manifest's entry that a report shows.

    Attributes:
        part, format, flavour, sha256, bytes, gzip_bytes, minimum_runtime, macs: see `Artifact`.
        sparsity: weight tensor → share of zeros.
        nonzero_macs, causes, packed, encodings: see `Artifact`.
        packed_bytes: sum of `packed`; None if it is not known.
    """

    part: str
    format: str
    flavour: str
    sha256: str
    bytes: int
    gzip_bytes: int
    minimum_runtime: str
    macs: int
    sparsity: dict[str, float]
    nonzero_macs: int | None
    causes: dict[str, int]
    packed: dict[str, int] | None
    packed_bytes: int | None
    encodings: dict[str, str]


@dataclass(frozen=True)
class Worst:
    """The largest differences among some rows; a figure is None if no row has it.

    Attributes:
        lsb, share_over_1lsb: the figures of integer outputs.
        real: the figure of float outputs, in real units.
    """

    lsb: int | None
    share_over_1lsb: float | None
    real: float | None


@dataclass(frozen=True)
class Export:
    """One bundle.

    Attributes:
        model, recipe, recipe_sha256, weights_sha256, dataset, loss, tools: from the manifest; loss
            is None if the bundle contains only an encoder.
        said: the recipe in the form of a command: its name, and the settings on top of it.
        steps: the recipe's steps in a few words; empty if the manifest does not contain them.
        files: the artifacts.
        smaller: bytes of the model's float32 autoencoder ÷ bytes of this one, both `.tflite`; None
            if there is no float32 export.
        packed_smaller: the same ratio of packed bytes.
        verdict: `pass`, `fail` or `missing`; it is missing if verify did not run, or if no runtime
            that opens the artifacts was available.
        problem: in a few words, why the verdict is not `pass`; empty if it is.
        caution: a warning about the loss, independent of the verdict; or empty.
        rows, compositions: see `edgeae.verify.rows`.
    """

    model: str
    recipe: str
    recipe_sha256: str
    weights_sha256: str
    dataset: dict[str, Any]
    loss: Loss | None
    tools: dict[str, str]
    said: tuple[str, tuple[str, ...]]
    steps: str
    files: tuple[File, ...]
    smaller: float | None
    packed_smaller: float | None
    verdict: str
    problem: str
    caution: str
    rows: tuple[Row, ...]
    compositions: tuple[Composition, ...]

    @property
    def name(self) -> str:
        """`model/recipe`, the export's name for users."""
        return f"{self.model}/{self.recipe}"

    def figure(self, key: str) -> float | None:
        """Return a figure of the loss: `exported`, `added`, …; None if there is no loss."""
        found: float | None = getattr(self.loss, key) if self.loss else None
        return found

    @property
    def p99_ratio(self) -> float | None:
        """Loss of the worst percent of images: exported ÷ reference; None if not known."""
        worst = self.loss.p99 if self.loss else None
        return worst.exported / worst.yardstick if worst and worst.yardstick else None

    @property
    def against(self) -> str:
        """The reference's name: `control` or `float32`; empty if there is no loss."""
        if self.loss is None:
            return ""
        return "float32" if self.loss.control is None else "control"

    def file(self, part: str, format: str = "tflite") -> File | None:
        """Return a part's file; None if the export has no such file."""
        held = (file for file in self.files if (file.part, file.format) == (part, format))
        return next(held, None)

    @property
    def size(self) -> int:
        """Bytes of `autoencoder.tflite`; 0 if there is no such file."""
        whole = self.file("autoencoder")
        return whole.bytes if whole else 0

    @property
    def packed(self) -> int | None:
        """Packed bytes of `autoencoder.tflite`; None if they are not known."""
        whole = self.file("autoencoder")
        return whole.packed_bytes if whole else None


def exports(bundles: Iterable[Bundle]) -> tuple[Export, ...]:
    """Return the exports by model, in descending order of (packed, if known) bytes.

    Raises:
        BadInput: a `verify.json` is damaged.
    """
    found = [_export(bundle) for bundle in bundles]
    originals = {
        (item.model, item.weights_sha256): item
        for item in found
        if (whole := item.file("autoencoder")) and whole.flavour == "float32"
    }
    compared = [_compared(item, originals.get((item.model, item.weights_sha256))) for item in found]
    return tuple(sorted(compared, key=_order))


def _order(item: Export) -> tuple[str, int, int, str]:
    return item.model, -(item.packed or item.size), -item.size, item.recipe


def _compared(item: Export, original: Export | None) -> Export:
    if original is None or not item.size:
        return item
    packed = None
    if original.packed and item.packed:
        packed = original.packed / item.packed
    return replace(item, smaller=original.size / item.size, packed_smaller=packed)


def _export(bundle: Bundle) -> Export:
    manifest = bundle.manifest
    rows, compositions = read_findings(bundle)
    verdict, problem = _verdict(rows, compositions)
    return Export(
        model=manifest.model,
        recipe=manifest.recipe,
        recipe_sha256=manifest.recipe_sha256,
        weights_sha256=manifest.weights_sha256,
        dataset=manifest.dataset,
        loss=manifest.loss,
        tools=manifest.tools,
        said=(base_name(manifest.recipe, manifest.overrides), manifest.overrides),
        steps=_steps(manifest),
        files=tuple(_file(artifact) for artifact in manifest.artifacts),
        smaller=None,
        packed_smaller=None,
        verdict=verdict,
        problem=problem,
        caution=cautions.of_export(manifest),
        rows=rows,
        compositions=compositions,
    )


def _steps(manifest: Manifest) -> str:
    if not manifest.settings:
        return ""
    try:
        told = as_json(from_table({"name": manifest.recipe, **manifest.settings}))
    except BadInput:  # keys of another version of edgeae
        return ""
    return " → ".join([*told["steps"], told["quantization"]])


def _file(artifact: Artifact) -> File:
    return File(**{item.name: getattr(artifact, item.name) for item in fields(File)})


def _verdict(rows: tuple[Row, ...], compositions: tuple[Composition, ...]) -> tuple[str, str]:
    """Return a bundle's verdict, and the reason if it is not `pass`."""
    if not rows:
        return "missing", "not verified: run `edgeae verify`"
    found: list[Row | Composition] = [*rows, *compositions]
    broken = [item for item in found if item.verdict in ("fail", "crashed")]
    if broken:
        where = broken[0]
        part = f"{where.part}.{where.format}" if isinstance(where, Row) else f"*.{where.format}"
        reason = "; ".join(where.reasons) or where.verdict
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return "fail", f"{part} on {where.runtime}: {reason}{more}"
    if all(row.verdict == "unavailable" for row in rows):
        return "missing", "not verified: no runtime that opens it is available here"
    return "pass", ""


def row_verdict(verdicts: Iterable[str]) -> str:
    """Return the worst of some rows' verdicts; `missing` if there are no rows."""
    found = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in found), "missing")


def worst(rows: Iterable[Row]) -> Worst:
    """Return the largest figures among rows."""
    told = list(rows)
    steps = [row.max_lsb for row in told if row.max_lsb is not None]
    shares = [row.share_over_1lsb for row in told if row.share_over_1lsb is not None]
    reals = [row.max_abs for row in told if row.max_lsb is None and row.max_abs is not None]
    return Worst(max(steps, default=None), max(shares, default=None), max(reals, default=None))
