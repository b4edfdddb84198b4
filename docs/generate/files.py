"""The pages of the files that edgeae writes, from the dataclasses that they are made of."""

import inspect
import itertools
import re
import sys
from dataclasses import dataclass

from edgeae.artifacts.manifest import Manifest
from edgeae.artifacts.model import Training
from edgeae.baselines.record import Record
from edgeae.conversion.plan.durations import ExportTime
from edgeae.detect.result import Detection
from edgeae.gate.rows import PairRow
from edgeae.summary.gather import Summary
from edgeae.sweep.journal import Event
from edgeae.sweep.result import Sweep
from edgeae.timing.results import Result
from edgeae.verify.rows import Composition, Row
from generate.attributes import described, kind, members, summary
from generate.markdown import code, table

__all__ = ["VERIFY_KEYS", "pages"]


@dataclass(frozen=True)
class _File:
    """A file that edgeae writes.

    Attributes:
        title: heading of its page.
        about: where it lies and who writes it.
        types: the dataclasses that it is made of; the first is the file itself, or one line of it.
    """

    title: str
    about: str
    types: tuple[type, ...]


#: Key of `verify.json` beside the rows → its type and meaning.
VERIFY_KEYS = {
    "schema": ("whole number", "Version of this layout."),
    "model": ("text", "Name of the model."),
    "recipe": ("text", "Name of the recipe."),
    "manifest_sha256": (
        "text",
        "Hash of `manifest.json` as verified: findings about other bytes are ignored.",
    ),
    "golden_only": ("`true` or `false`", "Whether only the golden vectors were compared."),
    "runtimes": ("list of text or null", "Runtimes that `--runtime` named; null for all."),
    "dataset": ("text", "Name of the dataset."),
    "machine": (
        "table or null",
        "Facts of the device that answered, with `host` and `worker`, in `verify.NAME.json`; "
        "null on this machine.",
    ),
    "rows": ("list of [Row](#row)", "One row for each artifact and runtime."),
    "composition": ("list of [Composition](#composition)", "One row for each format and runtime."),
}

_FILES = {
    "manifest": _File(
        "manifest.json",
        "`build/MODEL/RECIPE/manifest.json`, written by `edgeae export` and `edgeae import`.",
        (Manifest,),
    ),
    "train": _File(
        "train.json",
        "`build/MODEL/train.json`, written by `edgeae train` and `edgeae import`.",
        (Training,),
    ),
    "verify": _File(
        "verify.json",
        "`build/MODEL/RECIPE/verify.json`, written by `edgeae verify`; that of a device is "
        "`verify.NAME.json`.",
        (Row, Composition),
    ),
    "detect": _File(
        "detect.json",
        "`build/MODEL/RECIPE/detect.json`, written by `edgeae detect`.",
        (Detection,),
    ),
    "results": _File(
        "results.jsonl",
        "`build/results.jsonl`, to which `edgeae bench` appends a line of JSON for each worker "
        "process.",
        (Result,),
    ),
    "exports": _File(
        "exports.jsonl",
        "`build/exports.jsonl`, to which `edgeae export` appends a line of JSON for each bundle it "
        "made. The next export tells from it how long it will take.",
        (ExportTime,),
    ),
    "sweep": _File(
        "sweeps/NAME.json",
        "`build/sweeps/NAME.json`, written by `edgeae sweep NAME.toml` when all stages have ended.",
        (Sweep,),
    ),
    "sweep-journal": _File(
        "sweeps/NAME.jsonl",
        "`build/sweeps/NAME.jsonl`, to which `edgeae sweep NAME.toml` appends a line of JSON as a "
        "stage of a model or of a bundle ends.",
        (Event,),
    ),
    "gate-rows": _File(
        "Rows of the gate",
        "The file that `edgeae gate --rows` names: a line of JSON for each process. A line also "
        "has `cell`, which names what was compared.",
        (PairRow,),
    ),
    "summary": _File(
        "summary.json",
        "`build/report/summary.json`, written by `edgeae report`.",
        (Summary,),
    ),
    "baseline": _File(
        "baseline.json",
        "`bench/baselines/MODEL/RECIPE/baseline.json`, and `FILE.json` beside a bare file, written "
        "by `edgeae baseline save`. No figure in it is ever compared.",
        (Record,),
    ),
}


def pages() -> dict[str, str]:
    """Return the name of each page → its text."""
    return {name: _page(file) for name, file in _FILES.items()}


def _page(file: _File) -> str:
    parts = [f"# {file.title}", file.about, *_history(file.types[0])]
    if file.types[0] is Row:
        rows = [(code(key), *texts) for key, texts in VERIFY_KEYS.items()]
        parts.append(table(("key", "type", "meaning"), rows))
    for cls in _reached(file.types):
        whole = len(file.types) == 1 and cls is file.types[0]
        parts += ([] if whole else [f"## {cls.__name__}", summary(cls)]) + [_table(cls)]
    return "\n\n".join(parts)


def _reached(types: tuple[type, ...]) -> list[type]:
    """Return dataclasses and those that their fields name, each once, the outer ones first."""
    found = list(types)
    for cls in found:  # grows while it is read
        for item in described(cls):
            found += [inner for inner in members(item.hint) if inner not in found]
    return found


def _table(cls: type) -> str:
    """Return the table of a dataclass; neighbours of one type and description share a row."""
    rows = []
    grouped = itertools.groupby(described(cls), lambda item: (kind(item.hint), item.text))
    for (words, text), items in grouped:
        told = re.sub(r"\bNone\b", "null", text)
        rows.append((" ".join(code(item.name) for item in items), words, told))
    return table(("key", "type", "meaning"), rows)


def _history(cls: type) -> list[str]:
    """Return the schema's history as the module's docstring has it: number → what is new."""
    doc = inspect.getdoc(sys.modules[cls.__module__]) or ""
    entries = re.findall(r"^(\d)   (.*(?:\n    .*)*)", doc, re.MULTILINE)
    rows = [(number, text[0].upper() + text[1:]) for number, text in entries]
    return [table(("schema", "what is new"), rows)] if rows else []
