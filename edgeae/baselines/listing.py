"""The table of baselines: what each is, when and where it was saved, and whether it still is so."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.baselines.find import Baseline, resolve
from edgeae.baselines.record import Record
from edgeae.errors import EdgeaeError, NotMeasured


@dataclass(frozen=True)
class Listed:
    """One baseline.

    Attributes:
        baseline: where it lies.
        artifacts: names of its `.tflite` and `.onnx` files.
        record: see `Record`; None where there is none, or it could not be trusted.
        problem: why it cannot be used; empty if it can.
        code: exit code of that problem; 0 without one.
    """

    baseline: str
    artifacts: tuple[str, ...]
    record: Record | None
    problem: str = ""
    code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def listing(spec: str, project: Path) -> list[Listed]:
    """Check every baseline of a place.

    Raises:
        NotMeasured: there is none.
        BadInput: the place is nothing that can hold one.
    """
    with resolve(spec, project) as baselines:
        if not baselines.items:
            raise NotMeasured(f"{spec}: no baseline there; `edgeae baseline save` makes them")
        return [_listed(item) for item in baselines.items]


def _listed(item: Baseline) -> Listed:
    if item.bundle is None:
        artifacts: tuple[str, ...] = (item.place.name,)
    else:
        artifacts = tuple(artifact.path for artifact in item.bundle.manifest.artifacts)
    try:
        return Listed(item.label, artifacts, item.check())
    except EdgeaeError as error:
        return Listed(item.label, artifacts, None, str(error), error.code)


def render(found: Sequence[Listed]) -> list[list[str]]:
    """Return the table's rows, the header first."""
    header = ["baseline", "saved", "commit", "on", "state", "artifacts"]
    return [header, *(_row(item) for item in found)]


def _row(item: Listed) -> list[str]:
    known = item.record
    return [
        item.baseline,
        known.saved if known else "unknown",
        (known.commit or "none")[:12] if known else "unknown",
        str(known.machine.get("architecture", "unknown")) if known else "unknown",
        "unusable" if item.problem else "whole" if known else "no record",
        str(len(item.artifacts)),
    ]
