"""The stage: a build's files in; `index.html`, `summary.md` and `summary.json` out."""

import json
from pathlib import Path
from typing import Any

from edgeae import atomic
from edgeae.bundle import find_bundles
from edgeae.report.gather import gather
from edgeae.report.html import page
from edgeae.report.markdown import markdown
from edgeae.report.sheet import sheets

__all__ = ["write"]


def write(build: Path, out: Path) -> dict[str, Any]:
    """Write the report; nothing is written unless all of it can be.

    Args:
        build: folder of models, bundles and results.
        out: folder of the report, made when missing.

    Returns:
        `summary.json`'s content.

    Raises:
        BadInput: a file of the build is damaged.
        ManifestMismatch: a golden vector or a model is not the one that was exported.
        NotMeasured: there is no bundle.
        RuntimeUnavailable: jinja2 is not installed.
    """
    bundles = find_bundles([build])
    summary = gather(build, bundles)
    table = summary.to_json()
    files = {
        "index.html": page(summary, sheets(bundles, summary)),
        "summary.md": markdown(summary),
        "summary.json": json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n",
    }
    for name, text in files.items():
        atomic.write_text(out / name, text)
    return table
