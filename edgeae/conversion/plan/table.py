"""The results of an export as text."""

from collections.abc import Sequence

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.cautions import of_bundles
from edgeae.conversion.plan.export import ExportOutcome
from edgeae.recipe import PARTS
from edgeae.text.columns import align


def render(outcomes: Sequence[ExportOutcome]) -> str:
    """Return a table with a line per existing bundle: dataset, loss, loss ratio and sizes."""
    rows = [["bundle", "dataset", "loss", "ratio", *PARTS]]
    rows += [_line(item) for item in _there(outcomes)]
    return align(rows, left=2)


def cautions(outcomes: Sequence[ExportOutcome]) -> list[str]:
    """Return the warnings about the existing bundles, one line each."""
    return of_bundles(open_bundle(item.cell.link).manifest for item in _there(outcomes))


def _there(outcomes: Sequence[ExportOutcome]) -> list[ExportOutcome]:
    done = [item for item in outcomes if item.error is None]
    return sorted(done, key=lambda item: str(item.cell.link))


def _line(outcome: ExportOutcome) -> list[str]:
    bundle = open_bundle(outcome.cell.link)
    loss = bundle.manifest.loss
    assert loss is not None  # None only if there is no decoder, which no recipe makes
    return [
        str(outcome.cell.link),
        bundle.manifest.dataset["name"],
        f"{loss.exported:.6f}",
        "" if loss.ratio is None else f"{loss.ratio:.4f}",
        *(f"{bundle.artifact(part).bytes:,} B" for part in PARTS),
    ]
