"""Write the report of a build: `index.html`, `summary.md` and `summary.json`."""

import json
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import Bundle, find_bundles
from edgeae.errors import NotMeasured
from edgeae.report.live_card import LiveCard, live_section
from edgeae.report.markdown import markdown
from edgeae.report.page import page
from edgeae.report.sheet import sheets
from edgeae.summary.commands import Retrain
from edgeae.summary.gather import gather
from edgeae.summary.trained import model_folders, open_all
from edgeae.system import atomic


def write(build: Path, out: Path, retrain: Retrain, live: LiveCard | None = None) -> dict[str, Any]:
    """Write the report; if an error occurs while it is rendered, no file is written.

    Args:
        build: folder of models, bundles and results.
        out: folder of the report; created if it is missing.
        retrain: returns the words of the command that trains a model again.
        live: the live page, which the report leads to; None without one.

    Returns:
        the content of `summary.json`.

    Raises:
        BadInput: a file of the build is damaged.
        ManifestMismatch: the hash of a golden file or of a model's file differs from the recorded.
        NotMeasured: there is neither a model nor a bundle.
        RuntimeUnavailable: jinja2 is not installed.
    """
    bundles = bundles_in(build)
    folders = model_folders(build, bundles)
    trainings = open_all(folders)
    summary = gather(build, bundles, folders, trainings, retrain)
    table = summary.to_json()
    files = {
        "index.html": page(
            summary,
            sheets(bundles, folders, trainings, summary),
            live_section(live, out) if live else None,
        ),
        "summary.md": markdown(summary),
        "summary.json": json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n",
    }
    for name, text in files.items():
        atomic.write_text(out / name, text)
    return table


def bundles_in(build: Path) -> list[Bundle]:
    """Return the bundles of a build, by name; an empty list if only models are trained.

    Raises:
        BadInput: the manifest of a bundle is damaged, or there is no such folder.
        NotMeasured: there is neither a model nor a bundle.
    """
    try:
        return find_bundles([build])
    except NotMeasured:
        if not model_folders(build, ()):
            raise
        return []  # models were trained, but not exported yet
