"""The browser of `bench/web_browser.py`, for tests."""

import importlib.util
from pathlib import Path

from edgeae_cli import ROOT

_spec = importlib.util.spec_from_file_location("web_browser", ROOT / "bench" / "web_browser.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


def told(folder: Path, page: str) -> str:
    """What a page of a folder, opened in Chromium, posts; a missing Chromium is a failure."""
    return _module.told(folder, page)
