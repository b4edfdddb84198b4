"""The stage: templates in; a repository out, of which no existing file is lost unasked."""

import importlib.metadata
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import edgeae
from edgeae.errors import BadInput
from edgeae.gate.synthetic import dense
from edgeae.system import atomic, project

_TEMPLATES = Path(__file__).parent / "templates"
#: File of the repository → template; without the dots that packaging tools treat in their own way.
_FILES = {
    ".github/workflows/edgeae.yml": "edgeae.yml",
    ".gitignore": "gitignore",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "bench/gate.toml": "gate.toml",
    "export/matrix.toml": "matrix.toml",
}
_RECIPES = ("float32", "int8")
#: Of the example, an encoder of images of 28 × 28.
_WIDTHS = (784, 64, 32)


@dataclass(frozen=True)
class Written:
    """What became of the files, each relative to the folder.

    Attributes:
        written: new, or replaced.
        unchanged: there already, byte for byte.
    """

    written: tuple[str, ...]
    unchanged: tuple[str, ...]


def repository() -> dict[str, bytes]:
    """Return everything that a new repository holds: path with slashes → content.

    Raises:
        BadInput: edgeae's own recipes are missing.
    """
    recipes = project.folders("export")[-1]  # those that edgeae ships come last
    example = dense(_WIDTHS, description="edgeae init: an example, replace it")
    return {
        **{path: (_TEMPLATES / name).read_bytes() for path, name in _FILES.items()},
        **{f"export/{name}.toml": (recipes / f"{name}.toml").read_bytes() for name in _RECIPES},
        "models/example.tflite": example,
        "bench/baselines/example.tflite": example,
    }


def write(folder: Path, *, force: bool = False) -> Written:
    """Write a repository into a folder, made when missing; nothing unless all of it may be.

    A file that is there already, byte for byte, is left alone: after an interruption, repeat.

    Args:
        folder: the repository's root.
        force: replace files that are there and differ.

    Raises:
        BadInput: files are there and differ, and there is no force; or a folder stands where a file
            would be, or the other way round.
    """
    files = repository()
    _check_places(folder, files)
    unchanged = [path for path, content in files.items() if _holds(folder / path, content)]
    left = [path for path in files if path not in unchanged]
    standing = [path for path in left if os.path.lexists(folder / path)]
    if standing and not force:
        raise BadInput(
            f"{folder}: {', '.join(standing)} {'exists' if len(standing) == 1 else 'exist'} "
            "already; nothing was written; name another folder, or replace with --force"
        )
    for path in left:
        atomic.write_bytes(folder / path, files[path])
    return Written(tuple(left), tuple(unchanged))


def _check_places(folder: Path, files: Mapping[str, bytes]) -> None:
    """Look for what no file can be written over or below."""
    for path in files:
        place = folder / path
        above = [parent for parent in place.parents if parent.exists() and not parent.is_dir()]
        if above:
            raise BadInput(f"{above[0]}: a file, where a folder is needed; move it away")
        if place.is_dir():
            raise BadInput(f"{place}: a folder, where a file is needed; move it away")


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


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
