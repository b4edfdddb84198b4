"""Where the edgeae that runs was installed from, in the words of pip."""

import importlib.metadata
import json
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import edgeae


def source() -> str:
    """Return what `pip wheel` makes edgeae's wheel of: a folder, file or URL, or name and version.

    A file `direct_url.json` tells it (PEP 610); what came from a registry has none.
    """
    try:
        told = importlib.metadata.distribution("edgeae").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return str(Path(edgeae.__file__).parent.parent)  # a checkout that is run where it lies
    return _given(json.loads(told)) if told else f"edgeae=={edgeae.__version__}"


def _given(told: dict[str, dict[str, str]]) -> str:
    url = str(told["url"])
    if "vcs_info" in told:
        return f"{told['vcs_info']['vcs']}+{url}@{told['vcs_info']['commit_id']}"
    return url2pathname(urlparse(url).path) if url.startswith("file:") else url
