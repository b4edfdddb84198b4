"""The table of baselines: their artifacts, when and where they were saved, and their state."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.baselines.find import Baseline, resolve
from edgeae.baselines.record import Record
from edgeae.errors import EdgeaeError, NotMeasured


@dataclass(frozen=True)
class Listed:
    """One row of the table of baselines.

    Attributes:
        baseline: the baseline.
        artifacts: names of its `.tflite` and `.onnx` files.
        record: see `Record`; None if the record is missing or cannot be trusted.
        problem: reason why the baseline cannot be used; empty if it can.
        code: exit code of the problem; 0 without a problem.
    """

    baseline: str
    artifacts: tuple[str, ...]
    record: Record | None
    problem: str = ""
    code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def listing(spec: str, project: Path) -> list[Listed]:
    """Check every baseline of a place.

    Raises:
        NotMeasured: the place holds no baseline.
        BadInput: the place cannot hold baselines.
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


def render(listed: Sequence[Listed]) -> list[list[str]]:
    """Return the rows of the table as strings, the header first."""
    header = ["baseline", "saved", "commit", "on", "state", "artifacts"]
    return [header, *(_row(item) for item in listed)]


def _row(item: Listed) -> list[str]:
    saved = item.record
    return [
        item.baseline,
        saved.saved if saved else "unknown",
        (saved.commit or "none")[:12] if saved else "unknown",
        str(saved.machine.get("architecture", "unknown")) if saved else "unknown",
        "unusable" if item.problem else "whole" if saved else "no record",
        str(len(item.artifacts)),
    ]
