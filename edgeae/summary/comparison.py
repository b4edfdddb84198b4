"""The comparison of edgeae's and tfmot's compression: its file, and its table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from edgeae.artifacts.model import Training
from edgeae.errors import BadInput
from edgeae.reading import files, typed
from edgeae.text import markdown

ENGINES = ("edgeae", "tfmot")
ABOUT = (
    "The same models, images, steps and learning rates, compressed by edgeae and by "
    "tensorflow-model-optimization. Loss relative to the equal-budget control, or without "
    "fine-tuning to the float32 original, the mean over the models ± its standard deviation; bytes "
    "of autoencoder.tflite; seconds without the training of the control."
)
#: The file of a build folder in which the comparison is kept.
FILE = "compare.json"
_SCHEMA = 1
#: The columns of the table; those of `WORDS` are text.
HEADER = ("", "engine", "loss ÷ control", "raw", "gzip", "packed", "seconds")
WORDS = ("", "engine")
_NEVER = "In no row does tfmot lose less, or is smaller when packed."
#: In what an engine can be better → figure, and how it is written.
_BETTER = (
    ("loses less", "ratio", "{:.4f}"),
    ("is smaller when packed", "packed", "{:,.0f} B"),
)


@dataclass(frozen=True)
class Measured:
    """One bundle of the comparison.

    Attributes:
        about: what its recipe does, a row of the table.
        engine: `edgeae` or `tfmot`.
        model: the model's name.
        recipe_sha256, weights_sha256: what the bundle was made from.
        ratio: loss ÷ that of the equal-budget control, or of the original without fine-tuning.
        raw, gzip, packed: bytes of `autoencoder.tflite`; packed is that of its C form's constants.
        seconds: the export by itself on this machine, without the training of the control; None if
            it was up to date when it was compared first, or was made on a cluster.
        refused: why there is no bundle; or empty.
    """

    about: str
    engine: str
    model: str
    recipe_sha256: str = ""
    weights_sha256: str = ""
    ratio: float | None = None
    raw: int | None = None
    gzip: int | None = None
    packed: int | None = None
    seconds: float | None = None
    refused: str = ""


@dataclass(frozen=True)
class Comparison:
    """All bundles that were compared, in the order of the table."""

    measured: tuple[Measured, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the content of `compare.json`."""
        return {"schema": _SCHEMA, "measured": [asdict(item) for item in self.measured]}

    def of(self, about: str, engine: str) -> list[Measured]:
        """Return the bundles of one cell of the table, one for each model."""
        return [item for item in self.measured if (item.about, item.engine) == (about, engine)]


def read(path: Path) -> Comparison:
    """Return a comparison that was kept; an empty one if there is no file.

    Raises:
        BadInput: the file is damaged, or of another schema.
    """
    if not path.exists():
        return Comparison(())
    try:
        table = typed.check_schema(json.loads(files.read(path)), _SCHEMA)
        return typed.build(Comparison, {"measured": table.get("measured")})
    except (ValueError, BadInput) as error:
        raise BadInput(f"{path}: {error}; remove it to compare again") from None


@dataclass(frozen=True)
class ComparedRow:
    """One row of the table: a recipe of one engine, over all models.

    Attributes:
        about, engine: what the recipe does, and who does it.
        ratio: mean of loss ÷ control; None if no model has one, as where it is refused.
        spread: standard deviation of the ratio over the models; None for a single one.
        raw, gzip, packed: mean bytes; see `Measured`.
        seconds: mean seconds; None if no bundle was timed.
        refused: why no model was taken; or empty.
    """

    about: str
    engine: str
    ratio: float | None
    spread: float | None
    raw: float | None
    gzip: float | None
    packed: float | None
    seconds: float | None
    refused: str

    @property
    def cells(self) -> list[str]:
        """The row as text, a cell for each of `HEADER`."""
        if self.refused:
            return [self.about, self.engine, "refused", "", "", "", ""]
        spread = "" if self.spread is None else f" ± {self.spread:.4f}"
        sizes = (self.raw, self.gzip, self.packed)
        return [
            self.about,
            self.engine,
            "" if self.ratio is None else f"{self.ratio:.4f}{spread}",
            *("" if size is None else f"{size:,.0f} B" for size in sizes),
            "unknown" if self.seconds is None else f"{self.seconds:.0f} s",
        ]


@dataclass(frozen=True)
class Compared:
    """The comparison on models of one family.

    Attributes:
        models: the models, which differ in their seed or size.
        rows: in the order in which they were measured.
        verdicts: a line for each recipe by which tfmot loses less, or is smaller, or one that says
            that there is none; and a line for each that is refused, with the reason.
    """

    models: tuple[str, ...]
    rows: tuple[ComparedRow, ...]
    verdicts: tuple[str, ...]


def page(found: Sequence[Compared], command: str) -> str:
    """Return a page in Markdown with a table for each family; `command` made it."""
    blocks = ["# edgeae and tfmot, compared", f"{ABOUT} Made by `{command}`."]
    for item in found:
        blocks += [
            f"## {', '.join(item.models)}",
            markdown.table(HEADER, WORDS, [row.cells for row in item.rows]),
            "\n".join(f"- {line}" for line in item.verdicts),
        ]
    return "\n\n".join(blocks) + "\n"


def table(comparison: Comparison) -> Compared:
    """Return the table of what was measured."""
    models = tuple(dict.fromkeys(item.model for item in comparison.measured))
    cells = dict.fromkeys((item.about, item.engine) for item in comparison.measured)
    rows = tuple(_row(*cell, comparison.of(*cell)) for cell in cells)
    refused = (f"{row.about}: {row.engine}: {row.refused}" for row in rows if row.refused)
    return Compared(models, rows, (*(_better(rows) or [_NEVER]), *refused))


def tables(comparison: Comparison, trainings: Mapping[str, Training]) -> tuple[Compared, ...]:
    """Return a table for each family of the models as they are now.

    What was compared of a model that is gone or was trained again is left out.
    """
    by_family: dict[str, list[Measured]] = {}
    for item in comparison.measured:
        training = trainings.get(item.model)
        if training and (item.refused or training.weights_sha256 == item.weights_sha256):
            by_family.setdefault(training.family, []).append(item)
    return tuple(table(Comparison(tuple(items))) for items in by_family.values())


def _row(about: str, engine: str, items: Sequence[Measured]) -> ComparedRow:
    ratios = [item.ratio for item in items if item.ratio is not None]
    refused = [item.refused for item in items if item.refused]
    return ComparedRow(
        about,
        engine,
        mean(ratios) if ratios else None,
        stdev(ratios) if len(ratios) > 1 else None,
        _mean(items, "raw"),
        _mean(items, "gzip"),
        _mean(items, "packed"),
        _mean(items, "seconds"),
        refused[0] if len(refused) == len(items) else "",
    )


def _mean(items: Sequence[Measured], key: str) -> float | None:
    values = [getattr(item, key) for item in items if getattr(item, key) is not None]
    return mean(values) if values else None


def _better(rows: Sequence[ComparedRow]) -> list[str]:
    found = {(row.about, row.engine): row for row in rows}
    lines = []
    for about in dict.fromkeys(row.about for row in rows):
        ours, theirs = (found.get((about, engine)) for engine in ENGINES)
        if ours is None or theirs is None:
            continue
        for what, key, form in _BETTER:
            first, second = getattr(ours, key), getattr(theirs, key)
            if first is not None and second is not None and second < first:
                told = f"{form.format(second)} against {form.format(first)}"
                lines.append(f"{about}: tfmot {what}, {told}.")
    return lines
